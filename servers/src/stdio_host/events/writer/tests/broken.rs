//! A reader of the answer that stops reading.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::oneshot,
};

use super::*;

const EVENT: &[u8] = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 8476a536\r\n\
    lambda-runtime-deadline-ms: 9999999999999\r\ncontent-length: 2\r\n\r\n{}";
const LAST_CHUNK: &str = "0\r\n\r\n";
const MEGABYTE: usize = 1_000_000;

/// The Runtime API with two events. Of the first answer it reads the head, and the rest when it is too late.
struct Stuck {
    api: RuntimeApi,
    read_on: oneshot::Sender<()>,
    read: JoinHandle<(String, String)>,
}

impl Stuck {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // What the system takes for a reader that reads nothing.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap();
        let api = RuntimeApi::new(&listener.local_addr().unwrap().to_string());
        let (read_on, late) = oneshot::channel();
        let read = tokio::spawn(async move {
            let (mut first, _) = listener.accept().await.unwrap();
            head(&mut first).await;
            first.write_all(EVENT).await.unwrap();
            let head = head(&mut first).await;
            let (mut second, _) = listener.accept().await.unwrap();
            second.write_all(EVENT).await.unwrap();
            late.await.unwrap();
            let mut body = Vec::new();
            // A connection that is reset has no end either.
            let _ = first.read_to_end(&mut body).await;
            (head, String::from_utf8(body).unwrap())
        });
        Self { api, read_on, read }
    }

    /// Has the next event served, and gives the head and the body of the first answer.
    async fn read(self) -> (String, String) {
        let _served = timeout(SOON, self.api.next()).await.expect("the next event waits").unwrap();
        self.read_on.send(()).unwrap();
        timeout(SOON, self.read).await.expect("the connection is still open").unwrap()
    }
}

/// The head of a request.
async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn impatient() -> Pace {
    let end = Instant::now() + Duration::from_millis(300);
    Pace { silence: SOON, end, taken_by: end + Duration::from_millis(100) }
}

fn is_no_whole_answer(name: &str, head: &str, body: &str) {
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(length) => assert!(body.len() < length.parse().unwrap(), "{name}: all {length} bytes"),
        None => {
            let told = body.contains("lambda-runtime-function-error-type: Function.AnswerNotTaken");
            assert!(told || !body.ends_with(LAST_CHUNK), "{name}: it looks whole");
        }
    }
}

/// Has work answered that nobody reads, and looks at what was sent and at the next event.
async fn breaks<W: Future<Output = Vec<Answer>>>(name: &str, form: Form, work: impl FnOnce(Outlet) -> W) {
    let stuck = Stuck::start().await;
    let (_, reply) = stuck.api.next().await.unwrap();
    let (outlet, heard) = Outlet::new(form.way());
    let pending = pending();
    let written = timeout(SOON, write(form, reply, heard, work(outlet), &pending, impatient())).await;
    assert!(written.unwrap_or_else(|_| panic!("{name}: it is sent for ever")).is_err(), "{name}");
    let (head, body) = stuck.read().await;
    is_no_whole_answer(name, &head, &body);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_never_looks_whole_and_the_next_event_is_served() {
    breaks("said until nobody hears", form(true), |mut outlet| async move {
        let notice = json!({ "jsonrpc": "2.0", "method": "x".repeat(MEGABYTE) });
        while outlet.say(&notice).await.is_ok() {}
        vec![answer("x")]
    })
    .await;
    breaks("the answer after a message", form(true), |mut outlet| async move {
        outlet.say(&notice(1)).await.unwrap();
        vec![answer(&"x".repeat(30 * MEGABYTE))]
    })
    .await;
    breaks("an answer alone, in parts", form(true), |_outlet| async { vec![answer(&"x".repeat(30 * MEGABYTE))] }).await;
    breaks("an answer in one piece", form(false), |_outlet| async { vec![answer(&"x".repeat(5 * MEGABYTE))] }).await;
}

#[tokio::test]
async fn an_answer_that_is_dropped_never_looks_whole_and_the_next_event_is_served() {
    let stuck = Stuck::start().await;
    let (_, reply) = stuck.api.next().await.unwrap();
    let mut stream = reply.stream(STREAMED).await.unwrap();
    stream.send("the beginning".into()).await.unwrap();
    // It is on its way before the stream goes.
    sleep(Duration::from_millis(20)).await;
    drop(stream);
    let (_, body) = stuck.read().await;
    assert!(!body.ends_with(LAST_CHUNK), "{body:?}");
}
