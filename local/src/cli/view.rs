//! How steps and replies look.

use serde_json::Value;

use crate::{
    chat_client::Step,
    terminal::{Style, Terminal, printable},
};

/// Characters of a line of a step's result.
const WIDTH: usize = 160;
/// Lines of a step's result.
const LINES: usize = 4;

/// `bootstrap → execute_bootstrap_pipeline(environment=dev)` and what came back below it.
pub(super) fn step(terminal: Terminal, step: &Step) -> String {
    let arguments: Vec<String> =
        step.parameters.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let call = format!("{}({})", step.function, arguments.join(", "));
    let head = format!("{} → {}", terminal.paint(Style::Name, &printable(&step.agent)), printable(&call));
    let result = shorten(&printable(&sentence(&step.result)));
    if result.is_empty() {
        return head;
    }
    let result = result.replace('\n', "\n    ");
    format!("{head}\n    {}", terminal.paint(Style::Dim, &result))
}

/// The reply, safe to print.
pub(super) fn reply(text: &str) -> String {
    printable(text.trim_end())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    }
}

/// Results of our own functions are JSON objects that carry a sentence for people.
fn sentence(result: &str) -> String {
    match serde_json::from_str::<Value>(result) {
        Ok(Value::Object(object)) => match object.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => result.to_owned(),
        },
        _ => result.to_owned(),
    }
}

fn shorten(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if lines.len() == LINES {
            lines.push("…".to_owned());
            break;
        }
        let short: String = line.chars().take(WIDTH).collect();
        lines.push(if short.len() < line.len() { format!("{short}…") } else { short });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step_with(result: &str) -> Step {
        serde_json::from_value(json!({
            "agent": "bootstrap",
            "action_group": "pipelines",
            "function": "execute_bootstrap_pipeline",
            "parameters": { "environment": "dev", "count": 3 },
            "result": result,
        }))
        .unwrap()
    }

    #[test]
    fn a_step_shows_the_call_and_the_sentence_of_its_result() {
        let shown = step(Terminal::plain(), &step_with(r#"{"message":"Started.","execution_id":"x"}"#));
        assert_eq!(shown, "bootstrap → execute_bootstrap_pipeline(count=3, environment=dev)\n    Started.");
    }

    #[test]
    fn long_results_are_shortened_and_control_characters_dropped() {
        let text = format!("\u{1b}[31m{}\n2\n3\n4\n5", "x".repeat(500));
        let shown = step(Terminal::plain(), &step_with(&text));
        assert!(!shown.contains('\u{1b}'));
        assert_eq!(shown.lines().count(), 1 + LINES + 1);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH + 5));
        assert!(shown.ends_with('…'));
    }
}
