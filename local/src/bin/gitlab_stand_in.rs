//! A stand-in for GitLab on one machine.

use std::process::ExitCode;

use clap::Parser;
use local::gitlab_stand_in::{Options, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Options::parse()).await
}
