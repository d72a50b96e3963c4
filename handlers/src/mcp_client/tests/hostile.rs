//! Servers that do what no server should: each is left with a sentence, after a bounded number of bytes and in time, and what
//! may not be reached hears nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::*;

const MODERN: Option<&str> = Some("2026-07-28");

/// What a client may have taken from an endless answer: its own limit, and what the two sockets hold.
const READ_AT_MOST: usize = 32 * 1024 * 1024;

/// A guard of an account: nothing but public addresses.
fn closed_guard() -> Guard {
    Guard::new(&Reach { stage: STAGE.to_owned(), ..Reach::default() }).unwrap()
}

/// A listener that counts who connects to it.
async fn counting(address: &str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

/// A server that writes `head` and then `part` again and again, `pause` apart, and counts what it got rid of.
async fn flood(head: &'static [u8], part: Vec<u8>, pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let written = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&written);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (counter, part) = (Arc::clone(&counter), part.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let _ = socket.read(&mut buffer).await;
                let _ = socket.write_all(head).await;
                while let Ok(bytes) = socket.write(&part).await {
                    counter.fetch_add(bytes, Ordering::SeqCst);
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    (url, written)
}

/// A server that writes once and closes.
async fn once(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 * 1024];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(answer).await;
        }
    });
    url
}

/// Every spelling of this machine, to a port where somebody listens.
#[tokio::test]
async fn no_spelling_of_this_machine_is_connected_to() {
    let (port, count) = counting("[::]:0").await;
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "127.255.255.254",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "1２7.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ⓛocalhost",
        "a@127.0.0.1",
        "127.0.0.1\t",
    ] {
        for protocol_type in [ProtocolType::JsonRpc, ProtocolType::Rest] {
            let entry = Server { protocol_type, ..server(&format!("https://{host}:{port}/mcp"), MODERN) };
            let client = client_with("http://127.0.0.1:9", closed_guard());
            let (failure, may_have_run) = failure(&client, &entry, "echo").await;
            // Some resolvers do not know a name with a dot at its end.
            assert!(matches!(failure, Failure::Refused(_) | Failure::Unresolvable(_)), "{host}: {failure:?}");
            assert!(!may_have_run);
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Right when it was registered, and when it was called first; then the name leads elsewhere.
#[tokio::test]
async fn a_name_that_is_turned_round_is_followed_no_further() {
    let mock = MockServer::start().await;
    let ok = json!({"jsonrpc": "2.0", "id": 0, "result": {"resultType": "complete", "content": []}});
    let answer = ResponseTemplate::new(200).set_body_json(ok).insert_header("connection", "close");
    Mock::given(any()).respond_with(answer).mount(&mock).await;
    for elsewhere in ["169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        let asked = AtomicUsize::new(0);
        let guard = open_guard().with_lookup(move |_| {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            vec![if first { "127.0.0.1" } else { elsewhere }.parse().unwrap()]
        });
        let client = client_with("http://127.0.0.1:9", guard);
        let entry = server(&format!("http://turning.example:{}/mcp", mock.address().port()), MODERN);
        client.check_endpoint(&entry, soon()).await.unwrap();
        call(&client, &entry, "echo").await.unwrap();
        let error = call(&client, &entry, "echo").await.unwrap_err();
        assert!(matches!(&error.failure, Failure::Refused(reason) if reason.contains("leads astray")), "{error}");
        assert!(!error.may_have_run());
    }
    assert_eq!(mock.received_requests().await.unwrap().len(), 5, "one for each, before the name was turned");
}

#[tokio::test]
async fn no_redirect_leads_anywhere() {
    let (port, count) = counting("127.0.0.1:0").await;
    let inside = format!("http://127.0.0.1:{port}/");
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for location in [None, Some(inside.as_str()), Some("http://169.254.169.254/latest/meta-data/"), Some("//")] {
            let answer = ResponseTemplate::new(status);
            let answer = location.iter().fold(answer, |answer, to| answer.insert_header("location", *to));
            let mock = super::http::answering(answer).await;
            for protocol_type in [ProtocolType::JsonRpc, ProtocolType::Rest, ProtocolType::GraphQl] {
                let mut entry = Server { protocol_type, ..server(&mock.uri(), MODERN) };
                entry.available_tools[0].meta = json!({"switchyard/graphql": {"query": "{ places { id } }"}});
                let (failure, may_have_run) = failure(&client(), &entry, "echo").await;
                assert!(matches!(failure, Failure::Status { status: found } if found == status), "{failure:?}");
                assert!(!may_have_run);
            }
            assert_eq!(mock.received_requests().await.unwrap().len(), 3, "{status} to {location:?}");
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_never_ends_is_cut_off_after_a_bounded_number_of_bytes() {
    const JSON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    const EVENT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ";
    const CHUNKS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    const PACKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b";
    const STATUS: &[u8] = b"HTTP/1.1 200 OK\r\n";
    let spaces = vec![b' '; 64 * 1024];
    let notice = br#"data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
    for (what, head, part) in [
        ("a body", JSON, spaces.clone()),
        ("nested arrays", JSON, vec![b'['; 64 * 1024]),
        ("one event", EVENT, vec![b'x'; 64 * 1024]),
        ("small events", EVENTS, [notice, &b"\n\n"[..]].concat().repeat(64)),
        ("empty events", EVENTS, vec![b'\n'; 64 * 1024]),
        ("chunks", CHUNKS, [&b"10000\r\n"[..], &spaces, b"\r\n"].concat()),
        ("compressed", PACKED, vec![0; 64 * 1024]),
        ("headers", STATUS, b"x-a: b\r\n".repeat(1024)),
        ("one header", b"HTTP/1.1 200 OK\r\nx-a: ", vec![b'a'; 64 * 1024]),
        ("a status line", b"HTTP/1.1 200 ", vec![b'a'; 64 * 1024]),
    ] {
        let (url, written) = flood(head, part, Duration::ZERO).await;
        for protocol_type in [ProtocolType::JsonRpc, ProtocolType::Rest] {
            let entry = Server { protocol_type, ..server(&url, MODERN) };
            let error = call(&client(), &entry, "echo").await.unwrap_err();
            let is_cut = matches!(error.failure, Failure::Oversized { .. } | Failure::Interrupted(_));
            assert!(is_cut, "{what}: {error}");
            assert!(error.may_have_run(), "{what}: nobody knows what it did");
        }
        let written = written.load(Ordering::SeqCst);
        assert!(written < 2 * READ_AT_MOST, "{what}: {written} bytes were taken");
    }
}

#[tokio::test]
async fn what_comes_drop_by_drop_ends_at_the_deadline() {
    for (what, head, part) in [
        ("nothing", &b""[..], &b""[..]),
        ("the head", b"", b"H"),
        ("headers", b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        ("interim answers", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("a body", b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b" "),
        ("events", b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", b":\n\n"),
    ] {
        let (url, _) = flood(head, part.to_vec(), Duration::from_millis(20)).await;
        for protocol_type in [ProtocolType::JsonRpc, ProtocolType::Rest] {
            let entry = Server { protocol_type, ..server(&url, MODERN) };
            let started = Instant::now();
            let deadline = started + Duration::from_millis(400);
            let call = client().call_tool(&entry, "echo", JsonObject::new(), JsonObject::new(), deadline).await;
            let error = call.unwrap_err();
            let in_time = matches!(error.failure, Failure::Timeout { .. } | Failure::Interrupted(_));
            assert!(in_time && error.may_have_run(), "{what}: {error}");
            assert!(started.elapsed() < Duration::from_secs(5), "{what}: {:?}", started.elapsed());
        }
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_sentence() {
    for answer in [
        &b""[..],
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"jsonrpc\"",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\nnonsense",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"jsonrpc\":",
    ] {
        let url = once(answer).await;
        let error = call(&client(), &server(&url, MODERN), "echo").await.unwrap_err();
        let words = matches!(error.failure, Failure::Interrupted(_) | Failure::Malformed(_) | Failure::Connect { .. });
        assert!(words, "{:?}: {error}", String::from_utf8_lossy(answer));
        assert!(error.to_string().len() < 600, "{error}");
    }
}

/// Nothing is asked for compressed, so nothing is unpacked, whatever the answer says of itself.
#[tokio::test]
async fn no_encoding_is_unpacked() {
    for encoding in ["gzip", "br", "deflate", "zstd", "x-unknown"] {
        let body = vec![0; 100_000];
        let answer = ResponseTemplate::new(200).insert_header("content-encoding", encoding);
        let mock = super::http::answering(answer.set_body_raw(body, "application/json")).await;
        let (failure, _) = failure(&client(), &server(&mock.uri(), MODERN), "echo").await;
        assert!(matches!(failure, Failure::Malformed(_)), "{encoding}: {failure:?}");
        assert!(failure.to_string().len() < 300, "{failure}");
        assert!(!mock.received_requests().await.unwrap()[0].headers.contains_key("accept-encoding"));
    }
}

/// A server that has another page for everybody who asks.
#[tokio::test]
async fn a_list_of_tools_has_an_end() {
    for (tools_on_a_page, part) in [(0, "more than 64 pages"), (5, "more than 256 tools")] {
        let mock = MockServer::start().await;
        let page = AtomicUsize::new(0);
        let answer = move |request: &Request| {
            let body: serde_json::Value = request.body_json().unwrap();
            let next = page.fetch_add(1, Ordering::SeqCst);
            let tool = |n: usize| json!({"name": format!("tool-{next}-{n}"), "inputSchema": {"type": "object"}});
            let result = match body["method"].as_str().unwrap() {
                "server/discover" => {
                    json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
                }
                _ => {
                    let tools: Vec<_> = (0..tools_on_a_page).map(tool).collect();
                    json!({"tools": tools, "nextCursor": next.to_string()})
                }
            };
            let mut result = result;
            for (name, value) in
                [("resultType", json!("complete")), ("ttlMs", json!(0)), ("cacheScope", json!("private"))]
            {
                result[name] = value;
            }
            ResponseTemplate::new(200).set_body_json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
        };
        Mock::given(any()).respond_with(answer).mount(&mock).await;
        let error = client().discover(&server(&mock.uri(), None), soon()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(mock.received_requests().await.unwrap().len() <= 66);
    }
}

/// A certificate that its own key signed, for localhost and 127.0.0.1, valid until 2126.
const CERTIFICATE: &str = "MIIBWzCCAQ2gAwIBAgIUGhKcQvWV7QdqYqaHBX6oLGcrq6UwBQYDK2VwMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDAgFw0yNjExMjEx\
    NTAzMDlaGA8yMTI2MTAyODE1MDMwOVowFDESMBAGA1UEAwwJbG9jYWxob3N0MCowBQYDK2VwAyEAVF+49ixwPiwe1JY+m2Kw7XjH\
    c/ZLZmpBgyQmaWfxLSCjbzBtMB0GA1UdDgQWBBQTxQFMRJLTISU4pBcgCSnRb4tRwzAfBgNVHSMEGDAWgBQTxQFMRJLTISU4pBcg\
    CSnRb4tRwzAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAFBgMrZXADQQAtmD9Tyy2nZbcFjRMG\
    RbOgfRjkiThU/FCUPUh8H1hs5vUfwyYEmUaZz+2k0vChUBtZ+nEp49zNyDfdrn16uXQE";
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEILEq09k2McOdRKqOoK8L22oU9dcXNKc8ofrsYCW53JIr";

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_said() {
    let certificate = BASE64_STANDARD.decode(CERTIFICATE).unwrap().into();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(BASE64_STANDARD.decode(KEY).unwrap()).into();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tried, trusted) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counters = (Arc::clone(&tried), Arc::clone(&trusted));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counters.0.fetch_add(1, Ordering::SeqCst);
            if acceptor.accept(socket).await.is_ok() {
                counters.1.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    for protocol_type in [ProtocolType::JsonRpc, ProtocolType::Rest] {
        let entry = Server { protocol_type, ..server(&format!("https://127.0.0.1:{port}/"), MODERN) };
        let (failure, may_have_run) = failure(&client(), &entry, "echo").await;
        assert!(matches!(failure, Failure::Tls { .. }), "{failure:?}");
        assert!(!may_have_run);
    }
    assert_eq!((tried.load(Ordering::SeqCst), trusted.load(Ordering::SeqCst)), (2, 0));
}
