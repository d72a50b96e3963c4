//! Several environments of one server: each frozen between its calls, any of them next.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::json;
use tests::{environments::Environments, processes::kill_one, runtime_api::Invocation};

use crate::support::{children, error, hostile, message};

/// How long any answer may take, restarts and back-off included.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn environments_never_mix_their_answers() {
    let hosted = hostile(&[], json!({})).await;
    let environments = Environments::start(hosted.function.clone(), 3).await.unwrap();
    let mut callers = Vec::new();
    for caller in 0..6 {
        let environments = Arc::clone(&environments);
        callers.push(tokio::spawn(async move {
            let mut servers = HashSet::new();
            for number in 0..12 {
                let word = format!("{caller} {number}");
                let message = message("sleep", &json!({ "text": word, "number": number % 3 }));
                let response = environments.call(Invocation::of(message.to_string())).await.unwrap().json();
                assert_eq!(response["id"], message["id"]);
                assert_eq!(response["result"]["content"][0]["text"], word);
                let message = self::message("pid", &json!({}));
                let response = environments.call(Invocation::of(message.to_string())).await.unwrap().json();
                servers.insert(response["result"]["content"][0]["text"].to_string());
            }
            servers
        }));
    }
    let mut servers = HashSet::new();
    for caller in callers {
        servers.extend(caller.await.unwrap());
    }
    assert_eq!(servers.len(), 3, "each environment kept its server, and each was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_gets_its_answer_or_is_told_why_not_while_servers_are_killed() {
    let hosted = hostile(&[], json!({})).await;
    let environments = Environments::start(hosted.function.clone(), 2).await.unwrap();
    let killer = {
        let environments = Arc::clone(&environments);
        tokio::spawn(async move {
            let mut killed = 0;
            loop {
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..60))).await;
                let servers: Vec<u32> = environments.pids().into_iter().flat_map(children).collect();
                if servers.is_empty() {
                    continue;
                }
                let server = servers[fastrand::usize(..servers.len())];
                // It may have ended by itself; then the next one will do.
                killed += usize::from(kill_one(server));
                if killed == 40 {
                    return killed;
                }
            }
        })
    };
    let (mut answered, mut told) = (0, 0);
    let mut calls = Vec::new();
    for caller in 0..4 {
        let environments = Arc::clone(&environments);
        calls.push(tokio::spawn(async move {
            let (mut answered, mut told) = (0, 0);
            for number in 0..250 {
                let word = format!("{caller} {number}");
                let message = message("sleep", &json!({ "text": word, "number": number % 4 }));
                let invocation = Invocation { timeout: Some(PATIENCE), ..Invocation::of(message.to_string()) };
                let answer = environments.call(invocation).await.unwrap();
                assert!(!answer.failed && answer.at < answer.deadline, "Lambda would have ended it");
                let response = answer.json();
                assert_eq!(response["id"], message["id"], "{}", String::from_utf8_lossy(&answer.body()));
                if response.get("result").is_some() {
                    assert_eq!(response["result"]["content"][0]["text"], word);
                    answered += 1;
                } else {
                    assert!(error(&response).contains("MCP server"), "{response}");
                    assert_ne!(response["error"]["code"], -31003, "a call waited until its deadline");
                    told += 1;
                }
            }
            (answered, told)
        }));
    }
    for calls in calls {
        let (of_one_answered, of_one_told) = calls.await.unwrap();
        answered += of_one_answered;
        told += of_one_told;
    }
    killer.abort();
    assert_eq!(answered + told, 1000);
    assert!(answered > 500, "{answered} of 1000 were answered, {told} told why not");
    assert!(told > 0, "no call met a server that was killed");
}
