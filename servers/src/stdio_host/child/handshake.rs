//! The handshake, once in the life of a child.
//! Source: MCP 2025-11-25, "Lifecycle".

use std::{path::PathBuf, sync::Arc};

use serde_json::{Map, Value, json};
use url::Url;

use super::{Failure, RpcError, ids::Ids, incoming::Incoming, link::Link, session::Session};
use crate::stdio_host::{
    host::{ClientRequests, HostFile},
    rpc::{self, METHOD_NOT_FOUND, response},
    versions::LEGACY,
};

/// What the host is to a hosted server: the same for all children.
#[derive(Debug, Clone)]
pub(super) struct Client {
    capabilities: Value,
    /// Whether the server is told that clients can be asked.
    pub(super) may_be_asked: bool,
    /// Result of `roots/list`, if there are any.
    roots: Option<Arc<Value>>,
}

impl Client {
    pub(super) fn new(file: &HostFile) -> Self {
        let mut capabilities = Map::new();
        let may_be_asked = file.client_requests == ClientRequests::Rendezvous;
        if may_be_asked {
            capabilities.insert("sampling".to_owned(), json!({}));
            capabilities.insert("elicitation".to_owned(), json!({ "form": {}, "url": {} }));
            capabilities.insert("roots".to_owned(), json!({ "listChanged": false }));
        }
        let roots = (!file.roots.is_empty()).then(|| {
            capabilities.insert("roots".to_owned(), json!({ "listChanged": false }));
            Arc::new(json!({ "roots": file.roots.iter().filter_map(root).collect::<Vec<_>>() }))
        });
        Self { capabilities: capabilities.into(), may_be_asked, roots }
    }

    /// The answer to a request that the host answers itself; `None` for one that is the client's to answer.
    pub(super) fn answer(&self, method: &str) -> Option<Result<Value, RpcError>> {
        match (method, &self.roots) {
            ("ping", _) => Some(Ok(json!({}))),
            ("roots/list", Some(roots)) => Some(Ok(Value::clone(roots))),
            _ => None,
        }
    }

    /// The answer to a request that comes while no client waits.
    pub(super) fn answer_alone(&self, method: &str) -> Result<Value, RpcError> {
        let alone = || rpc::error(METHOD_NOT_FOUND, "no call is under way, so that there is no client to ask");
        self.answer(method).unwrap_or_else(|| Err(alone()))
    }
}

fn root(path: &PathBuf) -> Option<Value> {
    let uri = Url::from_file_path(path).ok()?;
    Some(json!({ "uri": uri.as_str(), "name": path.file_name().unwrap_or_default().to_string_lossy() }))
}

/// A child that has been sent `initialize`.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) link: Link,
    client: Client,
    id: u64,
}

impl Handshake {
    /// Begins it.
    pub(super) fn begin(mut link: Link, client: Client, ids: &Ids) -> Self {
        let id = ids.next();
        link.send(&json!({
            "jsonrpc": "2.0",
            "id": id,
            "method": "initialize",
            "params": {
                "protocolVersion": LEGACY[0],
                "capabilities": client.capabilities,
                "clientInfo": { "name": "switchyard-stdio-host", "version": env!("CARGO_PKG_VERSION") },
            },
        }));
        Self { link, client, id }
    }

    /// Waits for the server's answer: its result of `initialize`. Safe to cancel.
    ///
    /// # Errors
    /// The server ended, or answered something that no session can begin with.
    pub(super) async fn answered(&mut self) -> Result<Value, Failure> {
        let cannot = |reason: String| Failure::CannotStart { reason };
        loop {
            let incoming = self.link.next().await.map_err(|failure| match failure {
                Failure::Died { status } => cannot(format!("it ended ({status}) before it answered `initialize`")),
                Failure::Poisoned { reason } => cannot(reason),
                other => other,
            })?;
            match incoming {
                Incoming::Response { id, outcome } if id == self.id => {
                    return match outcome {
                        Ok(result) => self.checked(result).map_err(cannot),
                        Err(error) => {
                            let message = self.link.brief(&error.message);
                            Err(cannot(format!("it refused `initialize`: {message} ({})", error.code)))
                        }
                    };
                }
                // An error that names no request can only mean the one message that was sent.
                Incoming::Response { id: Value::Null, outcome: Err(error) } => {
                    return Err(cannot(format!("it refused `initialize`: {}", self.link.brief(&error.message))));
                }
                Incoming::Request { id, method, .. } => {
                    self.link.send(&response(&id, self.client.answer_alone(&method)));
                }
                other => tracing::debug!(method = self.link.brief(other.name()), "said before the handshake, dropped"),
            }
        }
    }

    /// Completes it, after [`Handshake::answered`].
    pub(super) fn complete(mut self, initialized: Value, ids: Ids) -> Session {
        self.link.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        Session::new(self.link, self.client, initialized, ids)
    }

    fn checked(&self, result: Value) -> Result<Value, String> {
        match result.get("protocolVersion").and_then(Value::as_str) {
            Some(version) if LEGACY.contains(&version) => Ok(result),
            Some(version) => {
                let version = self.link.brief(version);
                Err(format!("it answers with the protocol version `{version}`, which is not spoken"))
            }
            None => Err("its answer to `initialize` has no protocol version".to_owned()),
        }
    }
}
