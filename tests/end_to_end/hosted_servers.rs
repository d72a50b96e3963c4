//! Third-party MCP servers that were packed from PyPI, npm and a program of ours, each a function of its own: called by agents
//! through mcp_proxy, and directly by whoever may invoke the function.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{
    aws,
    events::{body, call},
    eventually,
    hosted::{self, SERVERS, invoke},
    language_model::{AgentRuntime, Next},
    run,
};

/// A tool of each server that changes nothing, what it is called with, and what its answer holds.
fn questions() -> [(&'static str, &'static str, Value, &'static str); 5] {
    [
        ("git", "git_status", json!({ "repo_path": "/no/such/repository" }), "/no/such/repository"),
        ("filesystem", "list_allowed_directories", json!({}), "/tmp/files"),
        (
            "time",
            "convert_time",
            json!({ "source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo" }),
            "21:00",
        ),
        ("everything", "echo", json!({ "message": "heard" }), "heard"),
        ("fixture", "test_simple_text", json!({}), "simple text response"),
    ]
}

fn request(id: u32, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

#[test]
fn every_server_has_an_output_and_an_entry_with_its_own_tools() {
    run(async {
        let outputs = hosted::outputs().await;
        for (server, tool, _, _) in questions() {
            let name = format!("Mcp{}{}LambdaArn", server[..1].to_uppercase(), &server[1..]);
            let arn = outputs.get(&name).unwrap_or_else(|| panic!("no output {name}"));
            assert!(arn.ends_with(&format!(":function:mcp-server-{server}")), "{arn}");
            let entry = registered(server).await;
            assert_eq!(aws::text(&entry, "endpoint_url"), arn);
            assert_eq!(aws::text(&entry, "status"), "active");
            let tools = entry["available_tools"].as_l().unwrap();
            let found =
                tools.iter().map(|tool| tool.as_m().unwrap()).find(|found| found["name"].as_s().unwrap() == tool);
            let found = found.unwrap_or_else(|| panic!("{server} has no {tool}"));
            assert!(found["description"].as_s().is_ok_and(|text| !text.is_empty()));
        }
    });
}

/// The one entry of a server, whichever version was packed.
async fn registered(server: &str) -> aws::Item {
    let query = aws::dynamodb().await.query().table_name("MCPServerRegistry-local");
    let query = query.key_condition_expression("server_id = :id").consistent_read(true);
    let found = query.expression_attribute_values(":id", AttributeValue::S(server.to_owned())).send().await.unwrap();
    let entries = found.items.unwrap();
    assert_eq!(entries.len(), 1, "{server}: {entries:?}");
    entries.into_iter().next().unwrap()
}

#[test]
fn each_is_called_as_the_guide_calls_it() {
    run(async {
        for (server, tool, arguments, expected) in questions() {
            let answer = invoke(server, &json!({ "toolName": tool, "arguments": arguments })).await;
            assert!(
                answer["content"][0]["text"].as_str().is_some_and(|text| text.contains(expected)),
                "{server}: {answer}"
            );
        }
        for server in SERVERS {
            let answer = invoke(server, &json!({ "arguments": {} })).await;
            let error = &answer["error"];
            assert_eq!(error["code"], -32603, "{server}: {answer}");
            assert_eq!(error["message"], "Internal error: Missing bedrockAgentCoreToolName in context");
            assert_eq!(error["data"]["server_id"], server);
        }
    });
}

#[test]
fn each_answers_json_rpc_and_its_own_errors_come_back_as_they_are() {
    run(async {
        for (server, tool, arguments, expected) in questions() {
            let listed = invoke(server, &request(1, "tools/list", &json!({}))).await;
            let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{server}: {listed}"));
            assert!(tools.iter().any(|found| found["name"] == tool), "{server}: {listed}");
            let params = json!({ "name": tool, "arguments": arguments });
            let answer = invoke(server, &request(7, "tools/call", &params)).await;
            assert_eq!(answer["id"], 7);
            assert!(answer["result"]["content"].to_string().contains(expected), "{server}: {answer}");
        }
        let answer = invoke("time", &request(8, "no/such/method", &json!({}))).await;
        assert!(matches!(answer["error"]["code"].as_i64(), Some(-32602 | -32601)), "{answer}");
        // A notification has no answer.
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(invoke("time", &notification).await, json!({}));
    });
}

#[test]
fn an_agent_finds_their_tools_and_calls_them_through_mcp_proxy() {
    run(async {
        hosted::outputs().await;
        for (server, tool, arguments, expected) in questions() {
            // Agents search a list that is read now and then.
            eventually(&format!("the tools of {server} are found"), || async move {
                let query = format!("{server} {}", tool.replace('_', " "));
                let found = call("tools", "mcp-tools", "find_tools", &[("query", "string", &query)]);
                let found = body(&aws::invoke("mcp_proxy", &found).await.unwrap());
                let tools = found["tools"].as_array().unwrap();
                tools.iter().any(|found| found["server_id"] == server).then_some(())
            })
            .await;
            let runtime = AgentRuntime::start(move |answers| match answers {
                [] => Next::Call("find_tools", json!({ "query": format!("{server} {}", tool.replace('_', " ")) })),
                [_] => Next::Call(
                    "call_tool",
                    json!({ "server_id": server, "tool": tool, "arguments_json": arguments.to_string() }),
                ),
                [.., answer] => Next::Reply(answer.to_string()),
            })
            .await;
            let reply = runtime.say("tools", "Do it.").await;
            let read_only =
                registered(server).await["configuration"].as_m().unwrap()["read_only_tools"].as_l().unwrap().len();
            if read_only == 0 {
                // Nobody has approved any of its tools as reading only, and none names an environment.
                assert!(reply.contains("counts as changing a protected one"), "{server}: {reply}");
            } else {
                assert!(reply.contains(expected), "{server}: {reply}");
            }
        }
    });
}
