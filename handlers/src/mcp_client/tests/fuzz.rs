//! Whatever a registered server answers: a result within its bounds, or a sentence about it.

use std::sync::{Arc, Mutex};

use proptest::{prelude::*, test_runner::TestCaseError};
use rmcp::model::{ServerJsonRpcMessage, ServerResult};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    fuzz::{Source, explore, readable},
    mcp_client::{https::parse_answer, result},
};

/// The longest sentence about a server's answer.
const LONGEST_FAILURE: usize = 1000;

fn valid_answers() -> Vec<serde_json::Value> {
    let tool = json!({ "name": "echo", "title": "Echo", "description": "Echo.", "inputSchema": { "type": "object" },
        "annotations": { "readOnlyHint": true, "title": "E" }, "_meta": { "switchyard/pipeline_type": "app" } });
    let content = json!([{ "type": "text", "text": "ok" }, { "type": "image", "data": "AA==", "mimeType": "image/png" },
        { "type": "resource_link", "uri": "file:///x", "name": "x" }]);
    let results = [
        json!({ "resultType": "complete", "content": content, "structuredContent": { "message": "m" }, "isError": false }),
        json!({ "content": [{ "type": "text", "text": "no" }], "isError": true }),
        json!({ "resultType": "complete", "tools": [tool], "nextCursor": "2" }),
        json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" } }),
        json!({ "resultType": "input_required", "inputRequests": { "a": { "method": "elicitation/create", "params": {} } } }),
    ];
    let answers = results.into_iter().map(|result| json!({ "jsonrpc": "2.0", "id": 0, "result": result }));
    let error =
        json!({ "jsonrpc": "2.0", "id": 0, "error": { "code": -32602, "message": "wrong", "data": { "x": 1 } } });
    answers.chain([error]).collect()
}

fn any_answer(source: &mut Source, valid: &[serde_json::Value]) -> Vec<u8> {
    match source.below(10) {
        0 => source.json(3).to_string().into_bytes(),
        1 => source.text().into_bytes(),
        2 => (0..source.below(200)).map(|_| source.number() as u8).collect(),
        3 => source
            .pick(&["[", "{\"result\":", "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":["])
            .repeat(source.below(20_000))
            .into_bytes(),
        _ => source.like(valid).to_string().into_bytes(),
    }
}

#[test]
fn every_body_is_a_message_or_named_as_none() {
    let valid = valid_answers();
    let outcomes = explore(
        file!(),
        1000,
        1,
        |source| any_answer(source, &valid),
        |body| {
            let answer = match parse_answer(&body) {
                Ok(ServerJsonRpcMessage::Response(answer)) => answer,
                Ok(_) => return Ok("another message"),
                Err(failure) => return readable(&failure.to_string(), LONGEST_FAILURE).map(|()| "no message"),
            };
            match answer.result {
                ServerResult::CallToolResult(called) => {
                    let result = result::tool_result(called.into());
                    prop_assert!(result.is_ok_and(|result| result.text.len() <= 2 * body.len() + 100));
                    Ok("a tool's result")
                }
                ServerResult::ListToolsResult(list) => {
                    for tool in &list.tools {
                        if let Err(failure) = result::declared_tool(tool) {
                            readable(&failure.to_string(), LONGEST_FAILURE)?;
                            return Ok("no tool");
                        }
                    }
                    Ok("a list of tools")
                }
                _ => Ok("another result"),
            }
        },
    );
    outcomes.include(&["no message", "another message", "a tool's result", "a list of tools", "another result"]);
}

/// An answer over HTTP: status, content type, body.
fn any_response(source: &mut Source, valid: &[serde_json::Value]) -> (u16, String, Vec<u8>) {
    if source.chance(10) {
        return (200, "application/json".to_owned(), valid[0].to_string().into_bytes());
    }
    let status = if source.chance(80) { 200 } else { *source.pick(&[202, 204, 301, 400, 401, 404, 429, 500, 503]) };
    let media_type =
        *source.pick(&["application/json", "text/event-stream", "application/json; charset=utf-8", "text/html", ""]);
    let body = any_answer(source, valid);
    if media_type != "text/event-stream" {
        return (status, media_type.to_owned(), body);
    }
    let field = *source.pick(&[
        "data: ",
        "data:",
        "\u{feff}data: ",
        "event: message\ndata: ",
        "id: 1\nretry: 1\ndata: ",
        ":x\n",
        "data: \r\ndata: ",
    ]);
    let end = *source.pick(&["\n\n", "\r\n\r\n", "\r\r", "\n", ""]);
    (status, media_type.to_owned(), [field.as_bytes(), &body, end.as_bytes()].concat())
}

#[test]
fn every_answer_over_http_is_a_result_or_a_sentence() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now: Arc<Mutex<(u16, String, Vec<u8>)>> = Arc::default();
    let current = Arc::clone(&now);
    let respond = move |request: &wiremock::Request| {
        let (status, media_type, body) = current.lock().unwrap().clone();
        // The id of the request, so that answers are taken for answers.
        let sent: serde_json::Value = request.body_json().unwrap_or_default();
        let text = String::from_utf8_lossy(&body).replacen("\"id\":0", &format!("\"id\":{}", sent["id"]), 1);
        ResponseTemplate::new(status).set_body_raw(if body.is_ascii() { text.into_bytes() } else { body }, &media_type)
    };
    let mock = runtime.block_on(async {
        let mock = MockServer::builder().disable_request_recording().start().await;
        Mock::given(any()).respond_with(respond).mount(&mock).await;
        mock
    });
    let (client, server) = (client(), server(&format!("{}/mcp", mock.uri()), Some("2026-07-28")));
    let valid = valid_answers();
    let outcomes = explore(
        file!(),
        200,
        500,
        |source| any_response(source, &valid),
        |response| {
            *now.lock().unwrap() = response;
            let limit = Instant::now() + Duration::from_millis(300);
            let call = client.call_tool(&server, "echo", JsonObject::new(), JsonObject::new(), limit);
            let outcome = match runtime.block_on(call) {
                Ok(_) => "a tool's result",
                Err(error) => {
                    readable(&error.to_string(), LONGEST_FAILURE)?;
                    match error.failure {
                        Failure::Malformed(_) => "malformed",
                        Failure::Rpc { .. } => "an error of JSON-RPC",
                        Failure::Status { .. } | Failure::Unauthorized { .. } => "a status",
                        Failure::Timeout { .. } | Failure::Interrupted(_) => "no answer",
                        Failure::InputRequired(_) => "more input",
                        Failure::Oversized { .. } => "too large",
                        other => return Err(TestCaseError::fail(other.to_string())),
                    }
                }
            };
            Ok(outcome)
        },
    );
    outcomes.include(&["a tool's result", "malformed", "a status"]);
}
