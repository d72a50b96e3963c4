//! What a request leaves in the log.

use super::*;
use crate::test_support::Lines;

#[tokio::test]
async fn one_line_tells_who_registered_what_and_never_the_token() {
    // So that the lines are known, see `Lines::listen`.
    let guard = Lines::default().listen();
    let before = Office::open(Approval::Required, 1).await;
    before.register(OURS, &guide()).await;
    before.register(OURS, &json!({})).await;
    drop(guard);
    let office = Office::open(Approval::Required, 1).await;
    let guessed = "a-guess-that-nobody-may-read-in-the-log";
    for (token, body, status, level, name, server_id) in [
        (OURS, guide(), 201, "INFO", json!("ci"), json!("my-custom-mcp-server")),
        (OURS, guide(), 200, "INFO", json!("ci"), json!("my-custom-mcp-server")),
        (OURS, with(json!({ "server_id": "weather" })), 429, "WARN", json!("ci"), json!("weather")),
        (THEIRS, with(json!({ "else": 1 })), 400, "WARN", json!("laptop"), Value::Null),
        (guessed, guide(), 401, "WARN", Value::Null, Value::Null),
    ] {
        let lines = Lines::default();
        let guard = lines.listen();
        office.register(token, &body).await;
        drop(guard);
        let (text, own) = (lines.text(), lines.of(FUNCTION));
        assert!(!text.contains(token), "{text}");
        assert_eq!(own.len(), 1, "{text}");
        assert_eq!((&own[0]["level"], &own[0]["status"]), (&json!(level), &json!(status)), "{text}");
        assert_eq!(
            (&own[0]["token"], &own[0]["server_id"], &own[0]["address"]),
            (&name, &server_id, &json!(ADDRESS)),
            "{text}"
        );
    }
}
