use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::Mutex};

use super::*;

/// What the double was sent: `METHOD path`, headers, body, trailers.
type Seen = (String, HeaderMap, String, HeaderMap);

/// The Runtime API: answers with what it is given, in order, and keeps what it was sent.
#[derive(Clone, Default)]
struct Double {
    answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
}

impl Double {
    /// `closing`: each connection ends after one answer.
    async fn start(self, closing: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *self.connections.lock().await += 1;
                let double = self.clone();
                let service = service_fn(move |request| {
                    let double = double.clone();
                    async move { Ok::<_, std::convert::Infallible>(double.answer(request).await) }
                });
                let mut http = http1::Builder::new();
                tokio::spawn(http.keep_alive(!closing).serve_connection(TokioIo::new(socket), service));
            }
        });
        address
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        self.seen.lock().await.push((format!("{} {}", head.method, head.uri), head.headers, text, trailers));
        self.answers.lock().await.pop_front().unwrap_or_else(|| {
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::ACCEPTED;
            answer
        })
    }
}

fn event(headers: &[(&str, &[u8])], payload: &'static str) -> Response<Full<Bytes>> {
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + 5000;
    let mut answer = Response::builder()
        .header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("Lambda-Runtime-Deadline-Ms", soon.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:git");
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Full::from(payload)).unwrap()
}

async fn start(answers: Vec<Response<Full<Bytes>>>, closing: bool) -> (RuntimeApi, Double) {
    let double = Double { answers: Arc::new(Mutex::new(answers.into())), ..Double::default() };
    let address = double.clone().start(closing).await;
    (RuntimeApi::new(&address.to_string()), double)
}

#[tokio::test]
async fn an_event_carries_its_headers_as_they_came() {
    let context = br#"{"custom":{"bedrockAgentCorePropagatedHeaders":{"a":1},"bedrockAgentCoreToolName":"t___x"}}"#;
    let headers: [(&str, &[u8]); 3] = [
        ("Lambda-Runtime-Client-Context", context),
        ("Lambda-Runtime-Aws-Tenant-Id", b"blue"),
        ("Lambda-Runtime-Trace-Id", b"Root=1-5bef4de7"),
    ];
    let empty: [(&str, &[u8]); 2] = [("Lambda-Runtime-Aws-Tenant-Id", b""), ("Lambda-Runtime-Trace-Id", b"")];
    let (api, _) = start(vec![event(&headers, "{\"a\":1}"), event(&empty, "{}")], false).await;
    let (event, _reply) = api.next().await.unwrap();
    assert_eq!(event.request_id, "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_eq!(event.client_context.as_deref().map(str::as_bytes), Some(context.as_slice()));
    assert_eq!(event.tenant_id.as_deref(), Some("blue"));
    assert_eq!(event.trace_id.as_deref(), Some("Root=1-5bef4de7"));
    assert_eq!(&event.payload[..], b"{\"a\":1}");
    let left = event.deadline - Instant::now();
    assert!(left > Duration::from_secs(4) && left <= Duration::from_secs(5), "{left:?}");
    let (event, _reply) = api.next().await.unwrap();
    assert_eq!((event.tenant_id, event.trace_id, event.client_context), (None, None, None));
}

#[tokio::test]
async fn no_client_context_ends_the_process() {
    let contexts: [&[u8]; 6] = [b"{", b"null", b"{\"client\":{},\"custom\":null}", b"[1]", b"\xff\xfe", b"7"];
    let answers = contexts.iter().map(|context| event(&[("Lambda-Runtime-Client-Context", context)], "{}")).collect();
    let (api, _) = start(answers, false).await;
    for context in contexts {
        let (event, _reply) = api.next().await.unwrap();
        assert_eq!(event.client_context, Some(String::from_utf8_lossy(context).into_owned()));
    }
}

#[tokio::test]
async fn an_answer_is_posted_once_to_the_path_of_its_event_with_the_id_that_came() {
    let first = event(&[("Lambda-Runtime-Invocation-Id", b"7-1")], "{}");
    let (api, double) = start(vec![first], false).await;
    let (_, reply) = api.next().await.unwrap();
    reply.answer("application/json", "{\"ok\":true}".into()).await.unwrap();
    let seen = double.seen.lock().await;
    let (line, headers, body, _) = &seen[1];
    assert_eq!(line, "POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response");
    assert_eq!((body.as_str(), &headers["lambda-runtime-invocation-id"]), ("{\"ok\":true}", &"7-1".parse().unwrap()));
    assert_eq!(headers["content-length"], "11");
    assert_eq!((seen.len(), *double.connections.lock().await), (2, 1));
}

#[tokio::test]
async fn a_connection_that_the_other_side_closed_is_opened_again() {
    let (api, double) = start((0..3).map(|_| event(&[], "{}")).collect(), true).await;
    for _ in 0..3 {
        drop(api.next().await.unwrap());
    }
    assert_eq!((double.seen.lock().await.len(), *double.connections.lock().await), (3, 3));
}

#[tokio::test]
async fn parts_arrive_in_order_and_the_end_is_waited_for() {
    let (api, double) = start(vec![event(&[], "{}")], false).await;
    let (_, reply) = api.next().await.unwrap();
    let mut stream = reply.stream("text/event-stream").await.unwrap();
    for part in ["a", "", "b", "c"] {
        stream.send(part.into()).await.unwrap();
    }
    stream.finish().await.unwrap();
    let seen = double.seen.lock().await;
    let (_, headers, body, trailers) = &seen[1];
    assert_eq!((body.as_str(), trailers.len()), ("abc", 0));
    assert_eq!(headers["lambda-runtime-function-response-mode"], "streaming");
    assert_eq!(headers["transfer-encoding"], "chunked");
}

#[tokio::test]
async fn an_error_within_a_stream_travels_in_the_trailers() {
    let (api, double) = start(vec![event(&[], "{}")], false).await;
    let (_, reply) = api.next().await.unwrap();
    let mut stream = reply.stream("text/event-stream").await.unwrap();
    stream.send("a".into()).await.unwrap();
    stream.fail("Server.Died", "it ended — alas").await.unwrap();
    let seen = double.seen.lock().await;
    let (_, _, body, trailers) = &seen[1];
    assert_eq!(body, "a");
    assert_eq!(trailers["lambda-runtime-function-error-type"], "Server.Died");
    let document = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        trailers["lambda-runtime-function-error-body"].as_bytes(),
    );
    let document: serde_json::Value = serde_json::from_slice(&document.unwrap()).unwrap();
    assert_eq!(document["errorMessage"], "it ended — alas");
}

#[tokio::test]
async fn errors_go_to_their_own_paths() {
    let (api, double) = start(vec![event(&[], "{}")], false).await;
    let (_, reply) = api.next().await.unwrap();
    reply.fail("Server.Died\n", "it ended").await.unwrap();
    api.init_error("Function.Misconfigured", "no stdio_host.json").await.unwrap();
    let seen = double.seen.lock().await;
    assert!(seen[1].0.ends_with("/error"), "{}", seen[1].0);
    assert_eq!(seen[1].1["lambda-runtime-function-error-type"], "Runtime.Unknown");
    assert_eq!(seen[2].0, "POST /2018-06-01/runtime/init/error");
    let document: serde_json::Value = serde_json::from_str(&seen[2].2).unwrap();
    assert_eq!(document["errorMessage"], "no stdio_host.json");
}

#[tokio::test]
async fn a_refusal_tells_what_the_runtime_api_said() {
    let mut answer = Response::new(Full::from("too large"));
    *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    let (api, _) = start(vec![event(&[], "{}"), answer], false).await;
    let (_, reply) = api.next().await.unwrap();
    let error = reply.answer("application/json", "{}".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "the Runtime API answered 413: too large");
}

#[tokio::test]
async fn an_event_without_id_or_deadline_is_refused() {
    for (name, value) in [
        ("Lambda-Runtime-Aws-Request-Id", "../../init/error"),
        ("Lambda-Runtime-Aws-Request-Id", ""),
        ("Lambda-Runtime-Deadline-Ms", "soon"),
    ] {
        let mut answer = event(&[], "{}");
        answer.headers_mut().insert(name, value.parse().unwrap());
        let (api, _) = start(vec![answer], false).await;
        let error = api.next().await.unwrap_err();
        assert!(matches!(error, RuntimeApiError::Malformed(header) if header == name), "{error}");
    }
    let mut answer = event(&[], "{}");
    answer.headers_mut().insert("Lambda-Runtime-Deadline-Ms", u64::MAX.to_string().parse().unwrap());
    let (api, _) = start(vec![answer], false).await;
    assert!(api.next().await.is_ok());
}
