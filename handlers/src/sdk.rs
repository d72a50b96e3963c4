//! What failures of AWS SDK calls have in common.

use std::{error::Error as StdError, fmt::Debug, io, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_lambda::error::SdkError;

use crate::error::{Error, dependency, throttled};

/// What DynamoDB says when it is asked too much of.
const BUSY: [&str; 3] = ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"];

/// After how long to ask a busy table again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The error of a call to a table: `table` is what people call it, `done` completes "cannot be …".
pub(crate) fn table_failed<E, R>(table: &str, done: &str, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    let message = if error.code().is_some_and(|code| BUSY.contains(&code)) {
        throttled(format!("The {table} is busy. Try again in a few seconds."), RETRY_AFTER)
    } else {
        dependency(format!("The {table} cannot be {done}. Try again; if it stays so, look in the log."))
    };
    message.with_source(error)
}

/// Whether the request of a failed call certainly never reached the service, so that it did nothing and may be sent again.
///
/// Everything else leaves it open: a peer that closes the connection after it read the request looks, to the HTTP client,
/// like many other things. A timeout of the connector is one of connecting, because the clients of this crate set no time
/// limit for reading.
pub(crate) fn was_not_sent<E, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: StdError + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(dispatch) => dispatch.is_user() || dispatch.is_timeout() || never_left(error),
        _ => false,
    }
}

/// Whether nobody listened at the other end, or there were no credentials to sign with.
fn never_left(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
            || cause.is::<CredentialsError>()
    })
}

#[cfg(test)]
mod tests {
    use aws_config::{SdkConfig, retry::RetryConfig};
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
    use aws_sdk_lambda::Client;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;
    use crate::test_support::sdk_config;

    /// Whether an invocation by a client of this configuration was certainly not sent.
    async fn not_sent(config: &SdkConfig) -> bool {
        let config = aws_sdk_lambda::config::Builder::from(config).retry_config(RetryConfig::disabled()).build();
        let error = Client::from_conf(config).invoke().function_name("team-tools").send().await.unwrap_err();
        was_not_sent(&error)
    }

    #[tokio::test]
    async fn a_peer_that_closes_after_reading_may_have_acted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 64 * 1024]).await;
            }
        });
        assert!(!not_sent(&sdk_config(&format!("http://{address}"))).await);
    }

    #[tokio::test]
    async fn a_closed_port_saw_nothing() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(not_sent(&sdk_config(&format!("http://{address}"))).await);
    }

    #[tokio::test]
    async fn a_connection_that_takes_too_long_carried_nothing() {
        // A listener whose queue is full leaves further connections without an answer.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        for _ in 0..4 {
            let connecting = tokio::net::TcpStream::connect(address);
            queue.push(tokio::time::timeout(Duration::from_millis(100), connecting).await);
        }
        let patience =
            aws_config::timeout::TimeoutConfig::builder().connect_timeout(Duration::from_millis(200)).build();
        let config = sdk_config(&format!("http://{address}")).into_builder().timeout_config(patience).build();
        assert!(not_sent(&config).await);
    }

    #[derive(Debug)]
    struct Nobody;

    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("there are none")))
        }
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_sent() {
        let provider = SharedCredentialsProvider::new(Nobody);
        let config = sdk_config("http://127.0.0.1:9").into_builder().credentials_provider(provider).build();
        assert!(not_sent(&config).await);
    }
}
