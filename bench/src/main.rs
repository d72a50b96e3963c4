//! `make bench`.

use std::process::ExitCode;

use bench::{command, hello};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    // A function runs on one thread, as all of ours do; what measures it needs more.
    let runtime = if hello::wanted() { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = { runtime }.enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async { if hello::wanted() { hello::serve().await } else { command::run().await } })
    });
    command::exit(ended)
}
