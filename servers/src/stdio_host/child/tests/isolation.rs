//! Who shares a server, and what a server sees of its surroundings.

use super::*;

fn caller(name: &str) -> Caller {
    Caller(name.to_owned())
}

/// The processes that served these callers, one after the other, numbered in the order of their appearance.
async fn served(isolation: &str, callers: &[Option<&str>]) -> Vec<usize> {
    let mut server = server_with("well", json!({ "isolation": isolation }));
    let mut known: Vec<Value> = Vec::new();
    let mut numbers = Vec::new();
    for name in callers {
        let caller = name.map(caller);
        let facts = call_by(&mut server, caller.as_ref(), "facts", json!({})).await.unwrap();
        let position = known.iter().position(|pid| *pid == facts["pid"]).unwrap_or_else(|| {
            known.push(facts["pid"].clone());
            known.len() - 1
        });
        numbers.push(position);
    }
    numbers
}

#[tokio::test]
async fn isolation_decides_who_shares_a_server() {
    let callers = [Some("ann"), Some("ann"), Some("bob"), Some("ann"), None, None, Some("ann")];
    assert_eq!(served("environment", &callers).await, [0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(served("caller", &callers).await, [0, 0, 1, 2, 3, 4, 5]);
    assert_eq!(served("call", &callers).await, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn within_one_event_the_server_stays_the_same() {
    let mut server = server_with("well", json!({ "isolation": "call" }));
    server.event_begins("request");
    let mut pids = Vec::new();
    for _ in 0..3 {
        let said = said(&mut server, None, "facts", json!({}), soon()).await.unwrap();
        let [Said::Answer(Ok(facts))] = &said[..] else { panic!("{said:?}") };
        pids.push(facts["pid"].clone());
    }
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
}

#[tokio::test]
async fn who_asks_for_the_health_takes_the_server_from_nobody() {
    let mut shared = server_with("well", json!({ "isolation": "caller" }));
    let ann = caller("ann");
    let before = call_by(&mut shared, Some(&ann), "facts", json!({})).await.unwrap();
    shared.event_begins("request");
    shared.health(soon()).await.unwrap();
    shared.event_ends().await;
    let after = call_by(&mut shared, Some(&ann), "facts", json!({})).await.unwrap();
    assert_eq!(before["pid"], after["pid"]);
    let mut broken = server("exit");
    assert!(matches!(broken.health(soon()).await, Err(Failure::CannotStart { .. })));
}

#[tokio::test]
async fn a_server_that_was_only_looked_at_is_as_good_as_new() {
    let mut server = server_with("well", json!({ "isolation": "call" }));
    server.prepare(soon()).await;
    let ids_before = server.ids.next();
    for name in ["ann", "bob"] {
        server.event_begins("request");
        server.session(Some(&caller(name)), soon()).await.unwrap().initialized();
        server.event_ends().await;
    }
    assert_eq!(server.ids.next(), ids_before + 1, "nothing was sent");
}

#[tokio::test]
async fn what_a_caller_leaves_at_home_is_gone_with_the_server() {
    let mut server = server_with("well", json!({ "isolation": "call" }));
    let home = call(&mut server, "leave a file", json!({})).await.unwrap();
    assert!(!std::path::Path::new(home.as_str().unwrap()).exists());
    let facts = call(&mut server, "facts", json!({})).await.unwrap();
    let (home, next) = (home.as_str().unwrap(), facts["environment"]["HOME"].as_str().unwrap());
    assert!(home.starts_with("/tmp/stdio_host-") && next.starts_with("/tmp/stdio_host-") && home != next);
    assert_eq!((facts["directory"].as_str(), facts["environment"]["TMPDIR"].as_str()), (Some(next), Some(next)));
}

#[tokio::test]
async fn what_a_caller_leaves_in_a_root_is_there_only_for_whom_shares_the_server() {
    for (isolation, own, other) in [
        ("environment", json!(["left"]), json!(["left"])),
        ("caller", json!(["left"]), json!([])),
        ("call", json!([]), json!([])),
    ] {
        let place = tempfile::tempdir().unwrap();
        let root = json!({ "directory": place.path().join("files") });
        let mut server = server_with("well", json!({ "isolation": isolation, "roots": [root["directory"]] }));
        for stranger in [Some(caller("bob")), None] {
            let ann = caller("ann");
            call_by(&mut server, Some(&ann), "leave a file", root.clone()).await.unwrap();
            assert_eq!(call_by(&mut server, Some(&ann), "list files", root.clone()).await.unwrap(), own, "{isolation}");
            let found = call_by(&mut server, stranger.as_ref(), "list files", root.clone()).await.unwrap();
            assert_eq!(found, other, "{isolation} {stranger:?}");
        }
        server.end().await;
    }
}

#[tokio::test]
async fn a_server_sees_the_baseline_and_what_is_configured() {
    let mut server = server_with("well", json!({ "env": { "A": "1" }, "cwd": "/" }));
    let facts = call(&mut server, "facts", json!({})).await.unwrap();
    let mut names: Vec<&str> = facts["environment"].as_object().unwrap().keys().map(String::as_str).collect();
    // Python sets this one in itself where the environment has no locale.
    names.retain(|name| *name != "LC_CTYPE");
    assert_eq!(names, ["A", "HOME", "PATH", "TMPDIR"]);
    assert_eq!(facts["directory"], "/");
}
