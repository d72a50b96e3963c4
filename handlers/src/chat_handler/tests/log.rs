//! What a request leaves in the log.

use super::*;
use crate::test_support::Lines;

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
    // So that the lines are known, see `Lines::listen`.
    let guard = Lines::default().listen();
    for (event, parts, ..) in &doors {
        send_within(chat(&FakeBedrock::streaming(parts.clone()).await, ResponseMode::Stream), event, MINUTE).await;
    }
    drop(guard);
    for (event, parts, status, level, steps) in doors {
        let lines = Lines::default();
        let bedrock = FakeBedrock::streaming(parts).await;
        let guard = lines.listen();
        send_within(chat(&bedrock, ResponseMode::Stream), &event, MINUTE).await;
        drop(guard);
        let (text, own) = (lines.text(), lines.of(FUNCTION));
        assert!(!text.contains("sesame"), "{text}");
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
