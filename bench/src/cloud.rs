//! What of AWS is needed beside DynamoDB and Bedrock: Lambda, which gives each event to a free environment and starts a new one
//! when there is none; Secrets Manager; and the mailbox that CloudFormation waits at.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{Response, StatusCode},
    routing::{any, get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tests::runtime_api::{Answer, Environment, Function};
use tokio::net::TcpListener;

use crate::{Result, exchange::Recording};

/// Value of every secret.
pub const SECRET: &str = "bench-secret";

/// Lambda and its neighbours.
#[derive(Debug)]
pub struct Cloud {
    /// Its address.
    pub address: String,
    functions: OnceLock<HashMap<String, Function>>,
    free: Mutex<HashMap<String, Vec<Environment>>>,
    started: Mutex<BTreeMap<String, usize>>,
    recording: Arc<Recording>,
}

impl Cloud {
    /// Starts to listen. Functions come later, because they are told the address.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(recording: Arc<Recording>) -> Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let cloud = Arc::new(Self {
            address: format!("http://{}", listener.local_addr()?),
            functions: OnceLock::new(),
            free: Mutex::default(),
            started: Mutex::default(),
            recording,
        });
        let router = Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .route("/2017-03-31/tags/{arn}", get(tags))
            .route("/cloudformation", any(|| async { StatusCode::OK }))
            .fallback(secret)
            .with_state(Arc::clone(&cloud));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(cloud)
    }

    /// Deploys the functions, once.
    pub fn deploy(&self, functions: Vec<Function>) {
        let functions = functions.into_iter().map(|function| (function.name.clone(), function)).collect();
        self.functions.get_or_init(|| functions);
    }

    /// Has a free environment of a function serve an event, or a new one.
    ///
    /// # Errors
    /// There is no such function, or it ended without an answer.
    pub async fn invoke(&self, name: &str, event: Bytes) -> Result<Answer> {
        let function = self.functions.get().and_then(|functions| functions.get(name));
        let function = function.ok_or_else(|| format!("there is no function {name}"))?;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).get_mut(name).and_then(Vec::pop);
        let mut environment = match free {
            Some(environment) => environment,
            None => {
                *self.started.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
                Environment::start(function).await?
            }
        };
        let answer = environment.invoke(event.clone(), None).await?;
        self.free.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().push(environment);
        if !answer.failed {
            let event = serde_json::from_slice(&event).unwrap_or_default();
            self.recording.keep_served(name.rsplit('-').next().unwrap_or(name), event, answer.body());
        }
        Ok(answer)
    }

    /// Ends all environments.
    pub fn retire(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many environments were started of each function.
    pub fn started(&self) -> BTreeMap<String, usize> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `lambda:Invoke`, by name or ARN.
async fn invoke(State(cloud): State<Arc<Cloud>>, Path(name): Path<String>, event: Bytes) -> Response<Body> {
    let mut response = match cloud.invoke(name.rsplit(':').next().unwrap_or(&name), event).await {
        Ok(answer) => {
            let mut response = Response::new(Body::from(answer.body()));
            if answer.failed {
                response
                    .headers_mut()
                    .insert("x-amz-function-error", axum::http::HeaderValue::from_static("Unhandled"));
            }
            response
        }
        Err(error) => {
            let message = json!({ "errorType": "Runtime.ExitError", "errorMessage": error.to_string() });
            let mut response = Response::new(Body::from(message.to_string()));
            response.headers_mut().insert("x-amz-function-error", axum::http::HeaderValue::from_static("Unhandled"));
            response
        }
    };
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    response
}

/// `lambda:ListTags`: every function may be called as an MCP server.
async fn tags() -> Json<Value> {
    Json(json!({ "Tags": { "switchyard-mcp": crate::tables::STAGE } }))
}

/// `secretsmanager:GetSecretValue`.
async fn secret() -> Json<Value> {
    Json(json!({ "Name": "a-secret", "SecretString": SECRET, "VersionId": "00000000-0000-4000-8000-000000000000" }))
}
