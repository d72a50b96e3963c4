//! The values of the hosted server's secrets, read once.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use futures_util::future::try_join_all;
use tokio::time::timeout;

/// Longest wait for Secrets Manager; the SDK has no limit of its own for an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads the secrets of these variables, all at once. The client is made here: most servers have no secrets and pay nothing.
///
/// # Errors
/// Which secret cannot be used and what to check. The value is never in it.
pub(super) async fn read(
    prefix: &str,
    variables: &[String],
    client: Option<Client>,
) -> Result<BTreeMap<String, String>, String> {
    if variables.is_empty() {
        return Ok(BTreeMap::new());
    }
    let client = match client {
        Some(client) => client,
        None => Client::new(&handlers::runtime::aws_config().await),
    };
    let values = try_join_all(variables.iter().map(|variable| value(&client, prefix, variable))).await?;
    Ok(variables.iter().cloned().zip(values).collect())
}

async fn value(client: &Client, prefix: &str, variable: &str) -> Result<String, String> {
    let name = format!("{prefix}env/{variable}");
    let answer = timeout(READ_TIMEOUT, client.get_secret_value().secret_id(&name).send())
        .await
        .map_err(|_| format!("Secrets Manager did not answer in time for the secret {name}"))?
        .map_err(|error| {
            let causes = DisplayErrorContext(&error).to_string();
            tracing::error!(secret = name, causes, "secret cannot be read");
            format!("the secret {name} cannot be read; check that it exists and that this function's role may read it")
        })?;
    // Secrets are often stored with a line end by the tool that wrote them.
    let text = answer.secret_string().unwrap_or_default().trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.contains('\0') {
        return Err(format!("the secret {name} has no text that a variable can hold"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, method},
    };

    use super::*;

    fn client(uri: &str) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(uri)
            .retry_config(aws_sdk_secretsmanager::config::retry::RetryConfig::disabled());
        Client::from_conf(config.build())
    }

    async fn holds(server: &MockServer, name: &str, text: &str) {
        Mock::given(method("POST"))
            .and(body_partial_json(json!({ "SecretId": format!("switchyard/dev/mcp/git/env/{name}") })))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "SecretString": text })))
            .mount(server)
            .await;
    }

    const PREFIX: &str = "switchyard/dev/mcp/git/";

    /// Answers nobody before this many have asked.
    async fn answers_together(listener: TcpListener, count: usize) {
        let mut asking = Vec::new();
        while asking.len() < count {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                assert_ne!(connection.read_buf(&mut request).await.unwrap(), 0);
            }
            asking.push(connection);
        }
        let body = r#"{"SecretString":"hush\n"}"#;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1";
        for mut connection in asking {
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn all_are_read_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let names: Vec<String> = ["A", "B", "C", "D"].map(str::to_owned).into();
        let answering = tokio::spawn(answers_together(listener, names.len()));
        let secrets = read(PREFIX, &names, Some(client(&uri))).await.unwrap();
        answering.await.unwrap();
        assert_eq!(secrets, names.into_iter().map(|name| (name, "hush".to_owned())).collect());
    }

    #[tokio::test]
    async fn the_one_that_cannot_be_used_is_named_and_no_value_is_told() {
        let server = MockServer::start().await;
        holds(&server, "GOOD", "hush-hush").await;
        holds(&server, "EMPTY", "\n").await;
        holds(&server, "NUL", "hush\0hush").await;
        for bad in ["MISSING", "EMPTY", "NUL"] {
            let names = ["GOOD".to_owned(), bad.to_owned()];
            let error = read(PREFIX, &names, Some(client(&server.uri()))).await.unwrap_err();
            assert!(error.contains(&format!("switchyard/dev/mcp/git/env/{bad}")) && !error.contains("hush"), "{error}");
        }
    }

    #[tokio::test]
    async fn without_secrets_nobody_is_asked() {
        assert_eq!(read("", &[], None).await, Ok(BTreeMap::new()));
    }
}
