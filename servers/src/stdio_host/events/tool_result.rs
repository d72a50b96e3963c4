//! Answers of tool calls without a protocol around them.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::stdio_host::outlet::Answer;

/// What an AgentCore Gateway gets: the tool's result as MCP has it. A failure is a result, too, with `isError`: an error of the
/// function would hide from the model what went wrong. `_meta.error` holds the error as the server sent it.
pub(super) fn of_gateway(answer: &Answer) -> Cow<'_, Value> {
    outcome(answer).unwrap_or_else(|error| {
        let message = error["message"].as_str().unwrap_or("The MCP server answered with an error.");
        let text = json!([{ "type": "text", "text": message }]);
        Cow::Owned(json!({ "content": text, "isError": true, "_meta": { "error": error } }))
    })
}

/// What an Invoke with `{toolName, arguments}` gets: the tool's result, or `{"error": {"code", "message", "data"}}`.
pub(super) fn of_plain(answer: &Answer) -> Cow<'_, Value> {
    outcome(answer).unwrap_or_else(|error| Cow::Owned(json!({ "error": error })))
}

/// The result, or the error. A message without an answer has nothing to tell.
fn outcome(answer: &Answer) -> Result<Cow<'_, Value>, &Value> {
    match answer.message() {
        Some(message) => message.get("result").map(Cow::Borrowed).ok_or(&message["error"]),
        None => Ok(Cow::Owned(json!({}))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_pass_as_they_are() {
        let result =
            json!({ "content": [{ "type": "text", "text": "x" }], "isError": true, "structuredContent": { "a": 1 } });
        let answer = Answer::Message(json!({ "jsonrpc": "2.0", "id": 1, "result": result }));
        assert_eq!((&*of_gateway(&answer), &*of_plain(&answer)), (&result, &result));
    }

    #[test]
    fn errors_keep_their_code_and_data() {
        let error = json!({ "code": -32602, "message": "Unknown tool: x", "data": { "a": 1 } });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "error": error });
        for answer in [Answer::Message(message.clone()), Answer::Refused { status: 400, message }] {
            assert_eq!(*of_plain(&answer), json!({ "error": error }));
            assert_eq!(
                *of_gateway(&answer),
                json!({ "content": [{ "type": "text", "text": "Unknown tool: x" }], "isError": true,
                        "_meta": { "error": error } })
            );
        }
    }
}
