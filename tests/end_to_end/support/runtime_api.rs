//! Lambda's Runtime API for one invocation of a real program: what MiniStack does not pass on (client contexts, response
//! streaming) is proven here. Source: "Using the Lambda runtime API for custom runtimes".

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{net::TcpListener, process::Command, sync::mpsc};

/// What a program posts for its invocation.
pub(crate) struct Posted {
    pub(crate) headers: HeaderMap,
    /// The body in the pieces it came in.
    pub(crate) pieces: Vec<Vec<u8>>,
}

impl Posted {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap()
    }
}

struct Api {
    /// Taken by the first poll; every later one waits for ever, as in an environment that is not needed.
    event: Mutex<Option<(Value, Option<Value>)>>,
    posted: mpsc::UnboundedSender<Posted>,
}

/// Runs a program of the workspace as Lambda would, for one event.
pub(crate) async fn invoke(
    program: &str,
    environment: &[(&str, String)],
    event: &Value,
    client_context: Option<&Value>,
) -> Posted {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let api = Arc::new(Api { event: Mutex::new(Some((event.clone(), client_context.cloned()))), posted: sender });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(posted))
        .with_state(api);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut child = Command::new(self::program(program))
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", program),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_REGION", local::stack::REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            // In the record of AWS calls it counts as the deployed function.
            ("AWS_SDK_UA_APP_ID", &format!("switchyard-local-{program}")),
            ("LAMBDA_TASK_ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        ])
        .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let answer = tokio::select! {
        answer = receiver.recv() => answer.unwrap(),
        status = child.wait() => panic!("{program} ended without an answer: {status:?}"),
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("{program} did not answer"),
    };
    server.abort();
    answer
}

/// A program of the workspace: cargo puts them beside the folder of the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join(name)
}

async fn next(State(api): State<Arc<Api>>) -> Response<Body> {
    let Some((event, client_context)) = api.event.lock().unwrap().take() else {
        return std::future::pending().await;
    };
    let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(60);
    let mut response = Response::builder()
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:test")
        .header("content-type", "application/json");
    if let Some(context) = client_context {
        response = response.header("lambda-runtime-client-context", context.to_string());
    }
    response.body(Body::from(event.to_string())).unwrap()
}

async fn posted(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Response<Body> {
    use futures_util::StreamExt as _;
    let pieces = body.into_data_stream().map(|piece| piece.unwrap().to_vec()).collect().await;
    api.posted.send(Posted { headers, pieces }).unwrap();
    Response::builder().status(202).body(Body::empty()).unwrap()
}
