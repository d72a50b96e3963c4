//! The processes of an environment end together.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tests::processes::{alive, kill_one};

use crate::support::{call, hostile, is_well, start, text};

/// Whether a process ends within some seconds.
async fn ends(pid: u32) -> bool {
    let begun = Instant::now();
    while alive(pid) {
        if begun.elapsed() > Duration::from_secs(5) {
            // It must not outlive the test.
            kill_one(pid);
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_with_its_host() {
    // One that goes on without input has to be ended; nothing but Lambda can do that for a host that is killed.
    for (signal, arguments) in [(Signal::SIGTERM, &[][..]), (Signal::SIGTERM, &["--deaf"]), (Signal::SIGKILL, &[])] {
        let mut environment = start(hostile(arguments, json!({})).await).await;
        let server = text(&call(&mut environment, "pid", json!({})).await).parse().unwrap();
        environment.idle().await.unwrap();
        kill(Pid::from_raw(environment.pid().try_into().unwrap()), signal).unwrap();
        environment.ended().await.unwrap();
        assert!(ends(server).await, "{signal} {arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_started_ends_when_the_server_is_replaced() {
    let mut environment = start(hostile(&[], json!({})).await).await;
    let started = text(&call(&mut environment, "spawn", json!({})).await).parse().unwrap();
    assert!(alive(started));
    call(&mut environment, "crash", json!({})).await;
    is_well(&mut environment).await;
    assert!(ends(started).await);
}
