//! `GET /health`: whether what other routes need can be read.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{FUNCTION, RegistryApi};
use crate::{error::Error, registry::now};

/// A result is answered again for this long: a flood of health requests is no flood of others.
const KEPT: Duration = Duration::from_secs(10);

/// How long the checks may take together; health checkers wait about 5 seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct Health {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    checks: Checks,
    /// When they were made, ISO 8601.
    timestamp: String,
}

/// The single checks, each `ok` or `unavailable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct Checks {
    /// The table of servers.
    registry_table: &'static str,
    /// The table of held definitions, counters and the audit.
    state_table: &'static str,
    /// The list of tokens for self-registration.
    registration_tokens: &'static str,
}

/// What was found the last time, and when.
type Kept = Mutex<Option<(Instant, Health)>>;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new().routes(routes!(health)).layer(Extension(Arc::<Kept>::default()))
}

/// Tells whether the registry can do its work; as it was at most ten seconds ago.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses(
        (status = 200, description = "Everything can be read", body = Health),
        (status = 503, description = "Something cannot be read; `checks` says what", body = Health),
    ),
)]
async fn health(State(api): State<Arc<RegistryApi>>, Extension(kept): Extension<Arc<Kept>>) -> Response {
    let mut kept = kept.lock().await;
    let fresh = kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT).map(|(_, health)| health.clone());
    let health = match fresh {
        Some(health) => health,
        None => {
            let health = look(&api).await;
            *kept = Some((Instant::now(), health.clone()));
            health
        }
    };
    let status = if health.status == "healthy" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(health)).into_response()
}

async fn look(api: &RegistryApi) -> Health {
    // No server can have this id; that there is none is an answer too.
    let (registry_table, state_table, registration_tokens) = tokio::join!(
        word("registry_table", api.registry.get("-", "0.0.0")),
        word("state_table", api.registry.changes()),
        word("registration_tokens", api.desk.readable()),
    );
    let checks = Checks { registry_table, state_table, registration_tokens };
    let is_healthy = [registry_table, state_table, registration_tokens].iter().all(|word| *word == "ok");
    Health { status: if is_healthy { "healthy" } else { "unhealthy" }, checks, timestamp: now() }
}

/// What is said of a check. Why it failed is for the log.
async fn word<T>(check: &'static str, made: impl Future<Output = Result<T, Error>>) -> &'static str {
    match tokio::time::timeout(PATIENCE, made).await {
        Ok(Ok(_)) => return "ok",
        Ok(Err(error)) => {
            tracing::warn!(function = FUNCTION, check, %error, causes = error.causes(), "health check failed");
        }
        Err(_) => tracing::warn!(function = FUNCTION, check, "health check took too long"),
    }
    "unavailable"
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::{
        env::{self, Approval, Reach},
        registry_api::app,
        test_support::{REGISTRY_TABLE, STAGE, STATE_TABLE, dynamodb, sdk_config},
    };

    async fn asked(api: &axum::Router) -> (u16, Value) {
        let request = Request::get("/health").body(Body::empty()).unwrap();
        let response = api.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap())
    }

    /// Secrets Manager with one answer for all.
    async fn secrets(status: u16, answer: Value) -> MockServer {
        let mock = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_json(answer)).mount(&mock).await;
        mock
    }

    async fn api(dynamodb: &Client, secrets: &MockServer) -> axum::Router {
        let settings = env::RegistryApi {
            reach: Reach { stage: STAGE.to_owned(), ..Reach::default() },
            registry_table: REGISTRY_TABLE.to_owned(),
            state_table: STATE_TABLE.to_owned(),
            approval: Approval::Required,
            registration_limit: 10,
            namespace: "switchyard.test".to_owned(),
            approval_topic: None,
        };
        let mut api = RegistryApi::new(settings, &sdk_config(&secrets.uri())).unwrap();
        api.registry = crate::registry::Registry::new(dynamodb.clone(), REGISTRY_TABLE, STATE_TABLE);
        app(api)
    }

    #[tokio::test]
    async fn health_is_a_look_at_what_is_needed() {
        let dynamodb = dynamodb().await;
        let secret = secrets(200, json!({ "SecretString": json!({ "tokens": [] }).to_string() })).await;
        let healthy = api(&dynamodb, &secret).await;
        let (status, body) = asked(&healthy).await;
        assert_eq!(status, 200, "{body}");
        assert!(body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        let checks = |registry: &str, state: &str, tokens: &str| json!({ "registry_table": registry, "state_table": state, "registration_tokens": tokens });
        assert_eq!((&body["status"], &body["checks"]), (&json!("healthy"), &checks("ok", "ok", "ok")));

        let no_secret = secrets(400, json!({ "__type": "ResourceNotFoundException", "message": "s3cret" })).await;
        let (status, told) = asked(&api(&dynamodb, &no_secret).await).await;
        assert_eq!(status, 503);
        assert_eq!((&told["status"], &told["checks"]), (&json!("unhealthy"), &checks("ok", "ok", "unavailable")));

        dynamodb.delete_table().table_name(STATE_TABLE).send().await.unwrap();
        assert_eq!(asked(&healthy).await, (200, body), "it is not looked again at once");
        let (status, told) = asked(&api(&dynamodb, &secret).await).await;
        assert_eq!((status, &told["checks"]), (503, &checks("ok", "unavailable", "ok")));
    }
}
