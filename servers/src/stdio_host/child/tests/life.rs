//! Start, failure, replacement, end.

use super::*;

#[tokio::test]
async fn the_handshake_happens_once_and_is_remembered() {
    let mut server = server("well");
    server.prepare(soon()).await;
    let before = pid(&mut server).await;
    let session = server.session(None, soon()).await.unwrap();
    let initialized = session.initialized();
    assert_eq!(initialized["serverInfo"]["name"], "fake");
    assert_eq!(initialized["offered"]["protocolVersion"], "2025-11-25");
    assert_eq!(initialized["offered"]["capabilities"], json!({}));
    assert_eq!(pid(&mut server).await, before);
}

#[tokio::test]
async fn capabilities_are_offered_as_configured() {
    let more = json!({ "roots": ["/tmp"], "client_requests": "rendezvous" });
    let mut server = server_with("well", more);
    let session = server.session(None, soon()).await.unwrap();
    let expected =
        json!({ "roots": { "listChanged": false }, "sampling": {}, "elicitation": { "form": {}, "url": {} } });
    assert_eq!(session.initialized()["offered"]["capabilities"], expected);
}

#[tokio::test]
async fn banners_and_floods_on_the_way_do_not_matter() {
    for start in ["noise", "asking", "old"] {
        assert!(pid(&mut server(start)).await > 0, "{start}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_is_left_alone_more_and_more() {
    let mut server = server("exit");
    server.prepare(soon()).await;
    let failure = call(&mut server, "echo", json!({})).await.unwrap_err();
    let expected = "the MCP server cannot start: it ended (exit status: 3) before it answered `initialize`";
    assert_eq!(failure.to_string(), expected);
    for _ in 0..8 {
        match call(&mut server, "echo", json!({})).await.unwrap_err() {
            Failure::CannotStart { .. } => {}
            Failure::BackingOff { failures, .. } => return assert!(failures > 3, "{failures}"),
            other => panic!("{other}"),
        }
    }
    panic!("it is started for every call");
}

#[tokio::test]
async fn what_no_session_can_begin_with_is_told() {
    let cases = [
        ("refuse", "it refused `initialize`: not you (-32600)"),
        ("strange", "it answers with the protocol version `1999-01-01`, which is not spoken"),
        ("garbage", "a message is not valid JSON: "),
    ];
    for (start, expected) in cases {
        match call(&mut server(start), "echo", json!({})).await {
            Err(Failure::CannotStart { reason }) => assert!(reason.starts_with(expected), "{reason}"),
            other => panic!("{start}: {other:?}"),
        }
    }
    for program in ["no-such-program", "/no/such/program"] {
        let failure = call(&mut server_with("", json!({ "command": [program] })), "echo", json!({})).await.unwrap_err();
        assert!(matches!(&failure, Failure::CannotStart { reason } if reason.contains(program)), "{failure}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_without_the_secrets_in_it() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stdio_host/child/tests/server.py");
    let mut settings = settings(&json!({ "command": ["python", script, "tell"], "aws_credentials": true }));
    // The text is cut in the middle of it.
    settings.env.aws.0.insert("AWS_SESSION_TOKEN".to_owned(), "sk-123456789012345".to_owned());
    let failure = call(&mut Supervisor::start(&settings), "echo", json!({})).await.unwrap_err().to_string();
    assert!(failure.ends_with(" invalid key *** (-32600)"), "{failure}");
}

#[tokio::test]
async fn a_slow_start_goes_on_while_events_are_told_to_come_again() {
    let mut server = server("slow");
    server.prepare(within(100)).await;
    let early = event(&mut server, None, "facts", json!({}), within(100)).await;
    assert_eq!(early, Err(Failure::StillStarting));
    assert!(pid(&mut server).await > 0);
    assert_eq!(server.ids.next(), 3, "there was one handshake and one call");
}

#[tokio::test]
async fn a_start_without_end_ends() {
    let mut server = server_with("hang", json!({ "start_timeout": 1 }));
    for _ in 0..3 {
        let early = event(&mut server, None, "facts", json!({}), within(250)).await;
        assert_eq!(early, Err(Failure::StillStarting));
    }
    let failure = event(&mut server, None, "facts", json!({}), within(1500)).await.unwrap_err();
    let expected = "the MCP server cannot start: it did not answer `initialize` within 1 s";
    assert_eq!(failure.to_string(), expected);
}

#[tokio::test]
async fn a_death_in_a_call_is_told_and_the_next_call_has_a_new_server() {
    let mut server = server("well");
    for _ in 0..3 {
        let before = pid(&mut server).await;
        let failure = call(&mut server, "die", json!({ "signal": 9 })).await.unwrap_err();
        assert_eq!(failure, Failure::Died { status: "signal: 9 (SIGKILL)".to_owned() });
        assert_ne!(pid(&mut server).await, before);
    }
    assert_eq!(call(&mut server, "answer and die", json!({})).await.unwrap(), "last words");
    assert!(pid(&mut server).await > 0);
}

#[tokio::test]
async fn a_death_between_two_calls_is_nobodys_business() {
    let mut server = server("well");
    for _ in 0..5 {
        let before = pid(&mut server).await;
        let process = nix::unistd::Pid::from_raw(before.try_into().unwrap());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
        while lives(before) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_ne!(pid(&mut server).await, before);
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_replaced() {
    let mut server = server("well");
    let before = pid(&mut server).await;
    assert_eq!(event(&mut server, None, "hang", json!({}), within(100)).await, Err(Failure::Deadline));
    assert_ne!(pid(&mut server).await, before);
    assert!(!lives(before));
}

#[tokio::test]
async fn after_a_broken_message_nothing_is_trusted() {
    let mut server = server("well");
    for (method, expected) in [
        ("poison", "a message is not valid JSON"),
        ("nameless", "an error that names no request: parse error"),
        ("deaf", "it does not read its input"),
        ("endless", "a line of its output is longer than 16 MiB"),
    ] {
        let before = pid(&mut server).await;
        match call(&mut server, method, json!({})).await {
            Err(Failure::Poisoned { reason }) => assert!(reason.starts_with(expected), "{reason}"),
            other => panic!("{method}: {other:?}"),
        }
        assert_ne!(pid(&mut server).await, before);
    }
}

#[tokio::test]
async fn a_server_that_closes_its_output_is_replaced() {
    let mut server = server("well");
    let failure = call(&mut server, "close", json!({})).await.unwrap_err();
    assert_eq!(failure, Failure::Died { status: "it closed its output and lives on".to_owned() });
    assert!(pid(&mut server).await > 0);
}

#[tokio::test]
async fn the_end_is_the_end_of_everything_in_its_group() {
    let mut server = server("well");
    let mut processes = vec![pid(&mut server).await];
    let started = call(&mut server, "multiply", json!({})).await.unwrap();
    processes.push(started[0].as_i64().unwrap());
    assert!(processes.iter().all(|process| lives(*process)));
    server.end().await;
    for process in processes {
        for _ in 0..100 {
            if lives(process) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert!(!lives(process), "{process}");
    }
    // What left the group is ended only where the host is the whole process, see `strays`.
    let detached = nix::unistd::Pid::from_raw(started[1].as_i64().unwrap().try_into().unwrap());
    nix::sys::signal::kill(detached, nix::sys::signal::Signal::SIGKILL).unwrap();
}
