use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::*;
use crate::stdio_host::{events::rules::Accepted, outlet::Outlet, runtime_api::RuntimeApi};

mod broken;

const SOON: Duration = Duration::from_secs(10);

/// The Runtime API with one event: hands on what is posted while it is being posted.
struct Lambda {
    posted: mpsc::Receiver<Bytes>,
    server: JoinHandle<()>,
}

impl Lambda {
    async fn with_event() -> (Self, Reply) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (pieces, posted) = mpsc::channel(1000);
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let pieces = pieces.clone();
                let service = service_fn(move |request| take(request, pieces.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        let (_, reply) = RuntimeApi::new(&address).next().await.unwrap();
        (Self { posted, server }, reply)
    }

    /// What has been posted when the next piece of it arrives that holds this text.
    async fn until(&mut self, text: &str) -> String {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(text) {
            let piece = timeout(SOON, self.posted.recv()).await.expect(text);
            all.extend_from_slice(&piece.unwrap_or_else(|| panic!("no {text:?}")));
        }
        String::from_utf8(all).unwrap()
    }

    /// Everything that is posted until the writer has ended.
    async fn all(mut self) -> String {
        let mut all = Vec::new();
        while let Ok(piece) = self.posted.try_recv() {
            all.extend_from_slice(&piece);
        }
        self.server.abort();
        String::from_utf8(all).unwrap()
    }
}

async fn take(
    request: Request<Incoming>,
    pieces: mpsc::Sender<Bytes>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    if request.method() == "GET" {
        let answer = Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", "8476a536")
            .header("Lambda-Runtime-Deadline-Ms", "9999999999999")
            .body(Full::default());
        return Ok(answer.unwrap());
    }
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(piece) = frame.into_data() {
            pieces.send(piece).await.unwrap();
        }
    }
    Ok(Response::builder().status(202).body(Full::default()).unwrap())
}

fn form(streams: bool) -> Form {
    let accepted = Accepted { json: true, events: true };
    Form::Http(HttpForm { streams, accepted, batch: false, begins_early: true })
}

fn pace() -> Pace {
    let end = Instant::now() + 2 * SOON;
    Pace { silence: SOON, end, taken_by: end + SOON }
}

fn pending() -> Pending {
    Pending(vec![Some(json!(1))])
}

fn answer(text: &str) -> Answer {
    Answer::Message(json!({ "jsonrpc": "2.0", "id": 1, "result": { "text": text } }))
}

fn notice(number: usize) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": number } })
}

/// Writes the answer of some work while `client` looks on.
async fn exchange<W: Future<Output = Vec<Answer>>>(
    form: Form,
    pace: Pace,
    work: impl FnOnce(Outlet) -> W,
) -> (Lambda, Result<(), RuntimeApiError>) {
    let (lambda, reply) = Lambda::with_event().await;
    let (outlet, heard) = Outlet::new(form.way());
    let result = write(form, reply, heard, work(outlet), &pending(), pace).await;
    (lambda, result)
}

#[tokio::test]
async fn the_client_reads_what_is_said_before_the_answer_is_there() {
    let (mut lambda, reply) = Lambda::with_event().await;
    let (mut outlet, heard) = Outlet::new(form(true).way());
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let work = async move {
        outlet.say(&notice(1)).await.unwrap();
        // The answer is not there before the client has read the message.
        waits.await.unwrap();
        vec![answer("done")]
    };
    let client = async {
        let seen = lambda.until("notifications/progress").await;
        let (head, event) = seen.split_once(&"\0".repeat(8)).unwrap();
        let head: Value = serde_json::from_str(head).unwrap();
        assert_eq!((&head["statusCode"], &head["headers"]["content-type"]), (&json!(200), &json!("text/event-stream")));
        assert_eq!(event, frame(&notice(1)));
        go_on.send(()).unwrap();
        assert_eq!(
            lambda.until("done").await,
            frame(&json!({ "jsonrpc": "2.0", "id": 1, "result": { "text": "done" } }))
        );
    };
    let pending = pending();
    let (written, ()) = tokio::join!(write(form(true), reply, heard, work, &pending, pace()), client);
    written.unwrap();
}

#[tokio::test]
async fn an_answer_without_anything_before_it_is_json() {
    let (lambda, written) = exchange(form(true), pace(), |_outlet| async { vec![answer("x")] }).await;
    written.unwrap();
    let posted = lambda.all().await;
    let (head, body) = posted.split_once(&"\0".repeat(8)).unwrap();
    let head: Value = serde_json::from_str(head).unwrap();
    assert_eq!(head["headers"]["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["result"]["text"], "x");
}

#[tokio::test]
async fn what_is_said_travels_with_the_answer_where_lambda_takes_it_whole() {
    let work = |mut outlet: Outlet| async move {
        assert!(!outlet.reaches_client());
        for number in 0..3 {
            outlet.say(&notice(number)).await.unwrap();
        }
        vec![answer("x")]
    };
    let (lambda, written) = exchange(form(false), pace(), work).await;
    written.unwrap();
    let posted: Value = serde_json::from_str(&lambda.all().await).unwrap();
    assert_eq!(posted["headers"]["content-type"], "text/event-stream");
    let expected: String = (0..3).map(|number| frame(&notice(number))).collect();
    let body = posted["body"].as_str().unwrap();
    assert!(body.starts_with(&expected) && body.ends_with("\n\n") && body.contains(r#""text":"x""#), "{body}");
}

#[tokio::test]
async fn a_silent_call_is_kept_alive_by_comments_that_clients_skip() {
    let pace = Pace { silence: Duration::from_millis(20), ..pace() };
    let work = |_outlet| async {
        sleep(Duration::from_millis(150)).await;
        vec![answer("x")]
    };
    let (lambda, written) = exchange(form(true), pace, work).await;
    written.unwrap();
    let posted = lambda.all().await;
    let (_, events) = posted.split_once(&"\0".repeat(8)).unwrap();
    let (comments, data): (Vec<_>, Vec<_>) = events.split_terminator("\n\n").partition(|event| *event == ":");
    assert!(comments.len() >= 2 && data.len() == 1 && data[0].starts_with("data: "), "{events}");
    // A request that came through another door, or whose answer needs a status, is waited for in silence.
    for form in [form(false), Form::Invoke { batch: false }] {
        let work = |_outlet| async {
            sleep(Duration::from_millis(60)).await;
            vec![answer("x")]
        };
        let (lambda, written) = exchange(form, pace, work).await;
        written.unwrap();
        assert!(serde_json::from_str::<Value>(&lambda.all().await).is_ok());
    }
}

#[tokio::test]
async fn a_call_that_outlives_its_deadline_gets_a_truthful_error() {
    for form in [form(true), form(false), Form::Invoke { batch: false }, Form::Gateway, Form::Plain] {
        let pace = Pace { end: Instant::now() + Duration::from_millis(50), ..pace() };
        let (lambda, written) = exchange(form, pace, |_outlet| std::future::pending()).await;
        written.unwrap();
        let posted = lambda.all().await;
        assert!(posted.contains("deadline") && posted.contains("did not answer in time"), "{form:?}: {posted}");
    }
}

#[tokio::test]
async fn an_answer_that_lambda_would_drop_is_told_of() {
    let large = "x".repeat(LARGEST_WHOLE);
    for form in [form(false), Form::Invoke { batch: false }, Form::Gateway, Form::Plain] {
        let (lambda, written) = exchange(form, pace(), |_outlet| async { vec![answer(&large)] }).await;
        written.unwrap();
        let posted = lambda.all().await;
        assert!(posted.len() < 1000 && posted.contains("larger than the 6 MB"), "{form:?}: {}", posted.len());
        // Whoever reads it learns that the call may have been carried out.
        assert!(posted.contains("may_have_run") && (form == Form::Gateway || posted.contains("-32603")), "{posted}");
    }
    // In parts it fits.
    let (lambda, written) = exchange(form(true), pace(), |_outlet| async { vec![answer(&large)] }).await;
    written.unwrap();
    assert!(lambda.all().await.len() > LARGEST_WHOLE);
}

#[tokio::test]
async fn what_was_said_gives_way_to_the_answer() {
    let large = "x".repeat(LARGEST_WHOLE / 2);
    let work = |mut outlet: Outlet| {
        let large = large.clone();
        async move {
            for _ in 0..4 {
                outlet.say(&json!({ "jsonrpc": "2.0", "method": large })).await.unwrap();
            }
            vec![answer(&large)]
        }
    };
    let (lambda, written) = exchange(form(false), pace(), work).await;
    written.unwrap();
    let posted: Value = serde_json::from_str(&lambda.all().await).unwrap();
    assert_eq!(posted["headers"]["content-type"], "application/json");
    assert!(posted["body"].as_str().unwrap().len() > large.len());
}

#[tokio::test]
async fn whoever_works_on_an_answer_learns_that_nobody_reads_it() {
    let (lambda, reply) = Lambda::with_event().await;
    let (mut outlet, heard) = Outlet::new(form(true).way());
    let server = lambda.server;
    drop(lambda.posted);
    let work = async move {
        outlet.say(&notice(1)).await.unwrap();
        let said = async {
            // The connection breaks once Lambda is gone; what is said then reaches nobody.
            while outlet.say(&notice(2)).await.is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
            outlet.closed().await;
        };
        timeout(SOON, said).await.unwrap();
        vec![answer("x")]
    };
    let pending = pending();
    let written = write(form(true), reply, heard, work, &pending, pace()).await;
    server.abort();
    assert!(written.is_err());
}

#[test]
fn only_requests_wait_for_an_answer() {
    let ask = |message: Value| Ask {
        message,
        door: crate::stdio_host::ask::Door::Invoke,
        caller: None,
        headers: crate::stdio_host::ask::McpHeaders::default(),
    };
    let pending = Pending::of(&[
        ask(json!({ "jsonrpc": "2.0", "id": "a", "method": "x" })),
        ask(json!({ "jsonrpc": "2.0", "method": "x" })),
        ask(json!({ "jsonrpc": "2.0", "id": "a", "result": {} })),
    ]);
    let failed = pending.failed(&failure::of(&Failure::Deadline));
    assert!(matches!(&failed[0], Answer::Message(message) if message["id"] == "a"));
    assert_eq!(failed[1..], [Answer::Accepted, Answer::Accepted]);
}
