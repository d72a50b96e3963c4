//! `--check`: whether a server answers, for the health check of a container, whose image has no program for that.

use std::{net::SocketAddr, time::Duration};

use http::StatusCode;

/// Whoever runs health checks gives up after about 5 seconds.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Asks the server on that address for `/live`.
///
/// # Errors
/// A sentence that says what came instead of its answer.
pub(super) async fn check(address: SocketAddr) -> Result<(), String> {
    let url = format!("http://{address}/live");
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
    match client.get(&url).send().await {
        Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
        Ok(answer) => Err(format!("{url} answered {}", answer.status())),
        Err(error) => Err(format!("{url} does not answer: {}", error.without_url())),
    }
}
