//! What a request leaves in the log.

use std::sync::Mutex;

use super::*;

/// What is logged, as lines of JSON.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Has what this thread logs written to `lines`.
fn listen(lines: &Lines) -> tracing::subscriber::DefaultGuard {
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone());
    tracing::subscriber::set_default(subscriber.finish())
}

#[tokio::test]
async fn one_line_tells_who_registered_what_and_never_the_token() {
    // Whether a line is logged is settled when the first thread gets there, which may be one that does not listen, and anew
    // for all lines that are known when somebody begins to listen. So they are made known first.
    let guard = listen(&Lines::default());
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
        let guard = listen(&lines);
        office.register(token, &body).await;
        drop(guard);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains(token), "{text}");
        let own: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let own: Vec<&Value> = own.iter().filter(|line| line["function"] == FUNCTION).collect();
        assert_eq!(own.len(), 1, "{text}");
        assert_eq!((&own[0]["level"], &own[0]["status"]), (&json!(level), &json!(status)), "{text}");
        assert_eq!(
            (&own[0]["token"], &own[0]["server_id"], &own[0]["address"]),
            (&name, &server_id, &json!(ADDRESS)),
            "{text}"
        );
    }
}
