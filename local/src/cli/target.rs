//! Which deployment a command talks to, and as whom.

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use clap::Args;
use url::Url;

use crate::{
    chat_client::ChatClient,
    registry_client::RegistryClient,
    stack::{self, RunFile, find_root},
};

/// Options that say which deployment's chat API is meant.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Address of the chat API, as the deployment's output ChatUrl says. Without it: the local stack that runs here.
    #[arg(long, env = "SWITCHYARD_URL")]
    url: Option<Url>,
    /// AWS region of the API. Without it: from the address, else from the AWS configuration.
    #[arg(long)]
    region: Option<String>,
}

/// Options that say which deployment's registry API is meant.
#[derive(Debug, Args)]
pub(super) struct RegistryTarget {
    /// Address of the registry API, as the deployment's output RegistryUrl says. Without it: the local stack that runs
    /// here.
    #[arg(long, global = true, env = "SWITCHYARD_REGISTRY_URL")]
    url: Option<Url>,
    /// AWS region of the API. Without it: from the address, else from the AWS configuration.
    #[arg(long, global = true)]
    region: Option<String>,
}

/// Where an API is, and as whom it is called.
struct Place {
    url: Url,
    region: String,
    credentials: SharedCredentialsProvider,
}

impl Target {
    /// A client for the deployment.
    pub(super) async fn client(self) -> Result<ChatClient, String> {
        let place = match self.url {
            Some(url) => remote(url, self.region).await?,
            None => running_here(|run| run.api_url, "--url (or SWITCHYARD_URL)")?,
        };
        ChatClient::new(place.url, place.region, place.credentials).map_err(|error| error.to_string())
    }
}

impl RegistryTarget {
    /// A client for the deployment.
    pub(super) async fn client(self) -> Result<RegistryClient, String> {
        let place = match self.url {
            Some(url) => remote(url, self.region).await?,
            None => running_here(|run| run.registry_url, "--url (or SWITCHYARD_REGISTRY_URL)")?,
        };
        RegistryClient::new(place.url, place.region, place.credentials).map_err(|error| error.to_string())
    }
}

async fn remote(url: Url, region: Option<String>) -> Result<Place, String> {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    let region = region.or_else(|| region_of(&url));
    let config = match region.clone() {
        Some(region) => loader.region(Region::new(region)).load().await,
        None => loader.load().await,
    };
    let region = region
        .or_else(|| config.region().map(ToString::to_string))
        .ok_or("no AWS region: give --region, or set AWS_REGION")?;
    let credentials = config
        .credentials_provider()
        .ok_or("no AWS credentials: sign in (for example with `aws sso login`) or set AWS_PROFILE")?;
    Ok(Place { url, region, credentials })
}

/// `https://{id}.execute-api.{region}.amazonaws.com/…` carries the region.
fn region_of(url: &Url) -> Option<String> {
    let mut labels = url.host_str()?.split('.').skip_while(|label| *label != "execute-api").skip(1);
    labels.next().filter(|label| label.contains('-')).map(str::to_owned)
}

fn running_here(url: impl Fn(RunFile) -> Option<String>, option: &str) -> Result<Place, String> {
    let here = std::env::current_dir().map_err(|error| format!("cannot tell the current directory: {error}"))?;
    let run = find_root(&here)
        .and_then(|root| RunFile::read(&root.join(".local")))
        .ok_or_else(|| format!("no deployment named: give {option}, or start one here with `make local`"))?;
    let url = url(run).ok_or("the local stack is still starting; try again in a moment")?;
    let url = Url::parse(&url).map_err(|error| format!("{url}: {error}"))?;
    Ok(Place { url, region: stack::REGION.to_owned(), credentials: stack::credentials() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_comes_from_the_address() {
        let region = |url: &str| region_of(&Url::parse(url).unwrap());
        assert_eq!(region("https://a1.execute-api.eu-west-1.amazonaws.com/dev"), Some("eu-west-1".to_owned()));
        assert_eq!(region("https://chat.example.com/dev"), None);
        assert_eq!(region("http://127.0.0.1:4566/_aws/execute-api/x/local"), None);
    }
}
