//! Requests of the functions and the answers they got, by what is asked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Response, StatusCode, Uri, header},
};
use bytes::Bytes;
use serde_json::Value;

/// Headers that belong to a connection, not to an answer.
const OF_A_CONNECTION: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::DATE];

/// What is asked, without what differs from one time to the next: the operation, and what it is done to.
pub fn question(method: &str, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(target) = headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        let operation = target.rsplit('.').next().unwrap_or(target);
        // One operation on one table may be asked in several ways.
        let ways = ["FilterExpression", "ProjectionExpression", "IndexName"];
        let ways: String =
            ways.iter().filter(|name| body.get(**name).is_some()).map(|name| format!(" {name}")).collect();
        let items = body.pointer("/TransactItems").and_then(Value::as_array).into_iter().flatten();
        let items: String =
            items.filter_map(|item| item.as_object()?.keys().next().map(|kind| format!(" {kind}"))).collect();
        let keys = body.pointer("/RequestItems").and_then(Value::as_object).into_iter().flatten();
        let keys: String = keys.map(|(table, request)| format!("{table} {}", kind_of_key(request))).collect();
        // Statuses are asked for one by one; other values are of their moment.
        let status =
            ["/:status", "/:partition", "/:active"].map(|name| text(&format!("/ExpressionAttributeValues{name}/S")));
        let status = if text("/IndexName") == "status-index" { format!(" {}", status.concat()) } else { String::new() };
        return format!("{operation} {}{ways}{items}{keys}{status}", text("/TableName"));
    }
    if body.get("jsonrpc").is_some() {
        return format!("{} {} {}", uri.path(), text("/method"), text("/params/name"));
    }
    // Sessions and numbers of pipelines are of one time only.
    let parts = uri.path().split('/').filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
    let parts: Vec<&str> = parts.take_while(|part| *part != "sessions").collect();
    format!("{method} /{}", parts.join("/"))
}

/// What the first key of a BatchGetItem is of: what its `pk` begins with, in a table that holds things of several kinds.
fn kind_of_key(request: &Value) -> &str {
    let key = request.pointer("/Keys/0/pk/S").and_then(Value::as_str).unwrap_or_default();
    key.split('#').next().unwrap_or_default()
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Status of the answer.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Exchange {
    /// The answer again, to a request that may have another JSON-RPC id.
    pub fn again(&self, request: &[u8]) -> Response<Body> {
        let mut response = Response::new(Body::from(self.for_id_of(request)));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        for name in OF_A_CONNECTION {
            response.headers_mut().remove(name);
        }
        response
    }

    fn for_id_of(&self, request: &[u8]) -> Bytes {
        const MARK: &[u8] = b"\"jsonrpc\"";
        if !request.windows(MARK.len()).any(|window| window == MARK) {
            return self.body.clone();
        }
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let mut answer: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if answer["id"] == request["id"] {
            return self.body.clone();
        }
        answer["id"] = request["id"].clone();
        answer.to_string().into()
    }
}

/// Answers by question.
pub type Answers = HashMap<String, Exchange>;

/// An event of a function and what it answered.
#[derive(Debug, Clone)]
pub struct Served {
    /// The event.
    pub event: Value,
    /// The body of the answer.
    pub answer: Vec<u8>,
}

/// Everything that was asked and answered, the newest for each question.
#[derive(Debug, Default)]
pub struct Recording {
    answers: Mutex<Answers>,
    served: Mutex<BTreeMap<String, Served>>,
}

impl Recording {
    /// Keeps an answer that was given to a function. Refusals are not kept: they are of their moment.
    pub fn keep(&self, question: String, exchange: Exchange) {
        if exchange.status.is_success() {
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(question, exchange);
        }
    }

    /// All answers up to now.
    pub fn answers(&self) -> Answers {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what a function was sent and answered: by its name, and by what it was called for.
    pub fn keep_served(&self, function: &str, event: Value, answer: Vec<u8>) {
        let name = format!("{function} {}", called(&event));
        self.served.lock().unwrap_or_else(PoisonError::into_inner).insert(name, Served { event, answer });
    }

    /// What a function was last sent when it was called for this.
    ///
    /// # Errors
    /// It was not.
    pub fn served(&self, function: &str, called: &str) -> crate::Result<Served> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{function} {called}");
        served.get(&name).cloned().ok_or_else(|| {
            let known: Vec<_> = served.keys().map(String::as_str).collect();
            format!("the rehearsal did not come to `{name}`, only to: {}", known.join(", ")).into()
        })
    }
}

/// What an event calls a function for: the function of an action group, the tool of a server, the request of CloudFormation.
fn called(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let words = match (text("/function"), text("/method"), text("/RequestType"), text("/resource")) {
        (Some(function), ..) => vec![function],
        (_, Some(method), ..) => [Some(method), text("/params/name")].into_iter().flatten().collect(),
        (_, _, Some(kind), _) => vec![kind],
        (.., Some(resource)) => vec![resource],
        _ => Vec::new(),
    };
    words.join(" ")
}

/// A text with every id and time in it replaced, so that answers of different times can be compared.
pub fn timeless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skip = if rest.get(..36).is_some_and(is_uuid) {
            36
        } else if rest.get(..24).is_some_and(is_time) {
            24
        } else {
            0
        };
        if skip > 0 {
            out.push('#');
            rest = rest.get(skip..).unwrap_or_default();
        } else {
            out.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

fn is_time(text: &str) -> bool {
    text.as_bytes().get(10) == Some(&b'T') && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn asked(path: &str, target: Option<&'static str>, body: &Value) -> String {
        let headers: HeaderMap = target
            .map(|target| ("x-amz-target".parse().unwrap(), HeaderValue::from_static(target)))
            .into_iter()
            .collect();
        question("POST", &path.parse().unwrap(), &headers, body.to_string().as_bytes())
    }

    #[test]
    fn a_question_is_the_operation_and_not_the_moment() {
        let dynamodb = Some("DynamoDB_20120810.Query");
        let plain = json!({ "TableName": "t", "IndexName": "i" });
        assert_eq!(asked("/", dynamodb, &plain), "Query t IndexName");
        let transaction = json!({ "TransactItems": [{ "Put": {} }, { "Delete": {} }] });
        assert_eq!(
            asked("/", Some("DynamoDB_20120810.TransactWriteItems"), &transaction),
            "TransactWriteItems  Put Delete"
        );
        let batch = |kind: &str| json!({ "RequestItems": { "t": { "Keys": [{ "pk": { "S": kind } }] } } });
        let get = Some("DynamoDB_20120810.BatchGetItem");
        assert_eq!(asked("/", get, &batch("health#a@1")), "BatchGetItem t health");
        assert_ne!(asked("/", get, &batch("health#a@1")), asked("/", get, &batch("held#a@1")));
        let of = |status: &str| json!({ "IndexName": "status-index", "ExpressionAttributeValues": { ":status": { "S": status } } });
        assert_ne!(asked("/", dynamodb, &of("active")), asked("/", dynamodb, &of("pending")));
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "deploy" } });
        assert_eq!(asked("/f/x/invocations", None, &call), "/f/x/invocations tools/call deploy");
        assert_eq!(
            asked("/agents/A/agentAliases/L/sessions/s-1/text", None, &json!({})),
            asked("/agents/A/agentAliases/L/sessions/s-2/text", None, &json!({}))
        );
        assert_eq!(asked("/api/v4/projects/p/pipelines/17", None, &json!({})), "POST /api/v4/projects/p/pipelines");
    }

    #[test]
    fn an_answer_takes_the_id_of_the_request() {
        let body = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}");
        let exchange = Exchange { status: StatusCode::OK, headers: HeaderMap::new(), body: body.clone() };
        assert_eq!(exchange.for_id_of(b"{\"jsonrpc\":\"2.0\",\"id\":0}"), body);
        let other: Value = serde_json::from_slice(&exchange.for_id_of(b"{\"jsonrpc\":\"2.0\",\"id\":4}")).unwrap();
        assert_eq!(other["id"], 4);
    }

    #[test]
    fn ids_and_times_do_not_count() {
        let text = "é 019ac8b3-12de-7a51-8f0e-0123456789ab at 2026-11-21T11:02:03.123Z, 019ac8b3";
        assert_eq!(timeless(text), "é # at #, 019ac8b3");
    }
}
