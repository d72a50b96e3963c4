//! What the local stage needs in MiniStack beside the deployment.

use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_smithy_types::error::display::DisplayErrorContext;
use http::{Method, header};
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Ports, REGION, STAGE, StackError};
use crate::chat_client::ChatClient;

/// Bucket that `cdk deploy` uploads to; the local stage's synthesizer names the same one (`cdk/app.ts`).
const ASSET_BUCKET: &str = "switchyard-local-assets";
/// How long the first answer of the deployed API may take.
const READY: Duration = Duration::from_secs(30);

/// Clients for MiniStack.
pub(super) struct Aws {
    config: SdkConfig,
    ministack: String,
}

impl Aws {
    pub(super) fn new(ports: Ports) -> Self {
        let ministack = ports.ministack_url();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(&ministack)
            .credentials_provider(super::credentials())
            .build();
        Self { config, ministack }
    }

    /// Makes the bucket that a bootstrapped account would have; bootstrapping takes seven seconds, this a millisecond.
    pub(super) async fn make_asset_bucket(&self) -> Result<(), StackError> {
        let url = format!("{}/{ASSET_BUCKET}", self.ministack);
        let answer = reqwest::Client::new().put(url).send().await.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|error| StackError::new(format!("the bucket {ASSET_BUCKET} cannot be made: {error}")))
    }

    /// Switches on what MiniStack's CloudFormation leaves out: expiry of items in the state table.
    pub(super) async fn switch_on_expiry(&self) -> Result<(), StackError> {
        let table = format!("SwitchyardState-{STAGE}");
        let failed = |error: String| StackError::new(format!("expiry of {table} cannot be switched on: {error}"));
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build();
        let expiry = expiry.map_err(|error| failed(error.to_string()))?;
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        let answer = client.update_time_to_live().table_name(&table).time_to_live_specification(expiry).send().await;
        answer.map(drop).map_err(|error| failed(DisplayErrorContext(error).to_string()))
    }

    /// Puts the token of the GitLab stand-in where the pipelines server looks for it.
    pub(super) async fn set_gitlab_token(&self, token: &str) -> Result<(), StackError> {
        self.set_secret("gitlab_token", token).await
    }

    /// Puts the hash of the token with which MCP servers register themselves where registry_api looks for it.
    pub(super) async fn set_registration_token(&self, token: &str) -> Result<(), StackError> {
        let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        let tokens = json!({ "tokens": [{ "name": "local", "owner": "local", "sha256": hash }] });
        self.set_secret("registration_tokens", &tokens.to_string()).await
    }

    async fn set_secret(&self, name: &str, value: &str) -> Result<(), StackError> {
        let secret = format!("switchyard/{STAGE}/{name}");
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let answer = client.put_secret_value().secret_id(&secret).secret_string(value).send().await;
        answer.map(drop).map_err(|error| {
            StackError::new(format!("the secret {secret} cannot be set: {}", DisplayErrorContext(error)))
        })
    }
}

/// Waits until chat_handler itself answers: an empty message is refused by it, and by nothing before it.
pub(super) async fn wait_for_chat(api_url: &Url) -> Result<(), StackError> {
    let failed = |reason: String| StackError::new(format!("the chat API does not answer at {api_url}: {reason}"));
    let client = ChatClient::new(api_url.clone(), REGION.to_owned(), super::credentials());
    let client = client.map_err(|error| failed(error.to_string()))?;
    let start = Instant::now();
    loop {
        let headers = [(header::CONTENT_TYPE, "application/json")];
        let answer = client.send(Method::POST, "chat", &headers, "{}".into()).await;
        let reason = match answer {
            Ok(answer) if answer.status() == http::StatusCode::BAD_REQUEST => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                format!("{status} {}", answer.text().await.unwrap_or_default())
            }
            Err(error) => error.to_string(),
        };
        if start.elapsed() > READY {
            return Err(failed(reason));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
