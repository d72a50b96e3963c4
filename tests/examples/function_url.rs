//! The conformance fixture behind `stdio_host` in several environments, at an HTTP door as a function URL has it:
//! `function_url HOST FIXTURE [ENVIRONMENTS]` says `listening on URL` and serves until its input ends. Every second one of the
//! environments that are free ends, and a new one takes its place: nothing that matters may be in one of them only.

use std::{env, error::Error, io::Write as _, path::PathBuf, time::Duration};

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
    let environments = Environments::start(hosted.function.clone(), count).await?;
    let url = FunctionUrl::open(environments.clone(), 0).await?;
    writeln!(std::io::stdout(), "listening on {}", url.url())?;
    // Whoever started this ends it by closing its input, or by ending.
    let input = async {
        let mut nothing = Vec::new();
        tokio::io::stdin().read_to_end(&mut nothing).await
    };
    let replacing = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Err(error) = environments.replace().await {
                return error;
            }
        }
    };
    tokio::select! {
        ended = input => drop(ended?),
        error = replacing => return Err(error.into()),
    }
    Ok(())
}
