//! What a request leaves in the log.

use super::*;

/// What is logged, as lines of JSON.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_line_is_logged_and_nothing_that_was_said() {
    const SAID: &str = r#"{"message":"sesame-message","session_id":"sesame-session"}"#;
    let talk = || {
        vec![
            called("t", "g", "sesame-tool", &[("p", "sesame-value")]),
            answered("t", "sesame-result"),
            chunk("sesame-reply"),
        ]
    };
    let mut broken = talk();
    broken.push(exception("throttlingException", &json!({ "message": "quota of the model" })));
    let doors = [
        (event(SAID), talk(), 200, "INFO", 1),
        (events(event(SAID)), talk(), 200, "INFO", 1),
        (event(SAID), broken.clone(), 429, "WARN", 1),
        (events(event(SAID)), broken, 429, "WARN", 1),
        (event(SAID), vec![], 502, "ERROR", 0),
        (event(r#"{"message":"sesame-message"#), vec![], 400, "WARN", 0),
    ];
    for (event, parts, status, level, steps) in doors {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone());
        let bedrock = FakeBedrock::streaming(parts).await;
        let guard = tracing::subscriber::set_default(subscriber.finish());
        send_within(chat(&bedrock, ResponseMode::Stream), &event, MINUTE).await;
        drop(guard);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("sesame"), "{text}");
        let own: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let own: Vec<&Value> = own.iter().filter(|line| line["function"] == FUNCTION).collect();
        assert_eq!(own.len(), 1, "{text}");
        assert_eq!(
            (&own[0]["level"], &own[0]["status"], &own[0]["steps"]),
            (&json!(level), &json!(status), &json!(steps))
        );
        assert_eq!((&own[0]["request_id"], &own[0]["requested_by"]), (&json!("lambda-request"), &json!(ALICE)));
        assert!(own[0]["elapsed_ms"].is_number());
        assert_eq!(own[0].get("session_id"), bedrock.asked().first().map(|asked| json!(asked.session)).as_ref());
        assert_eq!(text.contains("quota of the model"), status == 429, "the cause is in the log");
    }
}
