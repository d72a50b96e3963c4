//! The conformance fixture behind `stdio_host` in several environments, at an HTTP door as a function URL has it:
//! `function_url HOST FIXTURE [ENVIRONMENTS]` says `listening on URL` and serves until its input ends.

use std::{env, error::Error, io::Write as _, path::PathBuf};

use serde_json::json;
use tests::{environments::Environments, function_url::FunctionUrl, hosted::Hosted};
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let host = PathBuf::from(arguments.next().ok_or("the path of stdio_host is missing")?);
    let fixture = arguments.next().ok_or("the path of the server to host is missing")?;
    let count = arguments.next().map_or(Ok(3), |count| count.parse())?;
    let hosted = Hosted::pack(host, &[&fixture], json!({ "client_requests": "rendezvous" })).await?;
    let url = FunctionUrl::open(Environments::start(hosted.function.clone(), count).await?, 0).await?;
    writeln!(std::io::stdout(), "listening on {}", url.url())?;
    // Whoever started this ends it by closing its input, or by ending.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    writeln!(std::io::stderr(), "{}", hosted.log())?;
    Ok(())
}
