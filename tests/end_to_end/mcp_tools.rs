//! Agents find and call the tools of a server that a team registers long after the agents were deployed.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue::S;
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    aws,
    cloudformation::{change, delete, events},
    events::{body, call, state},
    eventually,
    language_model::{AgentRuntime, Next},
    run, unique,
};

/// Names and arguments of the tools that were called, and `_meta` of each call.
type Called = Arc<Mutex<Vec<Value>>>;

/// A library: MCP 2025-11-25 without sessions. It ends with the runtime of the tests.
async fn library() -> (String, Called) {
    let called = Called::default();
    let router = Router::new().route("/mcp", post(answer)).with_state(Arc::clone(&called));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, called)
}

async fn answer(State(called): State<Called>, Json(message): Json<Value>) -> axum::response::Response {
    let title = json!({ "type": "string", "minLength": 2, "description": "Title of the book." });
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "library", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [
            {
                "name": "findBook", "description": "Tells on which shelf of the library a book stands.",
                "inputSchema": {
                    "type": "object", "required": ["title"], "additionalProperties": false, "properties": { "title": title },
                },
            },
            {
                "name": "lend_book", "description": "Lends a book of the library to a reader.",
                "inputSchema": {
                    "type": "object", "required": ["environment", "title"],
                    "properties": { "environment": { "type": "string" }, "title": title, "tenant_id": { "type": "string" } },
                },
            },
            { "name": "burn_book", "description": "Destroys a book.", "inputSchema": { "type": "object" } },
        ] }),
        "tools/call" => {
            called.lock().unwrap().push(message["params"].clone());
            json!({
                "content": [{ "type": "text", "text": "Shelf 7" }],
                "structuredContent": { "message": "It stands on shelf 7.", "shelf": 7 },
            })
        }
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    Json(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).into_response()
}

/// A team's stack that registers its library.
fn template(server_id: &str, endpoint: &str, more: &Value) -> String {
    let settings = json!({ "read_only_tools": ["findBook"], "environment_argument": "environment" });
    let mut properties = json!({
        "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
        "ServerId": server_id, "ServerName": "Library", "EndpointUrl": endpoint, "Configuration": settings.to_string(),
    });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "Resources": { "Library": { "Type": "Custom::SwitchyardMcpServer", "Properties": properties } } })
        .to_string()
}

/// What mcp_proxy answers to `find_tools` of an agent.
async fn find(agent: &str, group: &str, query: &str) -> Value {
    body(&aws::invoke("mcp_proxy", &call(agent, group, "find_tools", &[("query", "string", query)])).await.unwrap())
}

/// What mcp_proxy answers to `call_tool` of an agent: state and body.
async fn call_tool(agent: &str, group: &str, server_id: &str, tool: &str, arguments: &Value) -> (String, Value) {
    let arguments = arguments.to_string();
    let parameters =
        [("server_id", "string", server_id), ("tool", "string", tool), ("arguments_json", "string", &arguments)];
    let answer = aws::invoke("mcp_proxy", &call(agent, group, "call_tool", &parameters)).await.unwrap();
    (state(&answer).to_owned(), body(&answer))
}

fn names(found: &Value, server_id: &str) -> Vec<String> {
    let tools = found["tools"].as_array().unwrap().iter().filter(|tool| tool["server_id"] == server_id);
    tools.map(|tool| tool["tool"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tools_of_a_server_that_was_registered_later_are_found_and_called() {
    run(async {
        let (endpoint, called) = library().await;
        let calls = || called.lock().unwrap().clone();
        let id = unique("library");
        // Somebody searches before: what is found later is not what was read first.
        assert!(names(&find("tools", "mcp-tools", &format!("{id} shelf of a book")).await, &id).is_empty());
        let (outcome, _) = change("CreateStack", &id, &template(&id, &endpoint, &json!({}))).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&id).await);

        let found = eventually("the library is found", || async {
            let found = find("tools", "mcp-tools", &format!("{id} on which shelf does the book stand")).await;
            (!names(&found, &id).is_empty()).then_some(found)
        })
        .await;
        let best = found["tools"].as_array().unwrap().iter().find(|tool| tool["server_id"] == id).unwrap();
        assert_eq!((&best["tool"], &best["read_only"]), (&json!("findBook"), &json!(true)), "{found}");
        assert_eq!(best["arguments"]["required"], json!(["title"]));

        // What only reads is called and passed on.
        let (_, answer) = call_tool("tools", "mcp-tools", &id, "findBook", &json!({ "title": "Emma" })).await;
        assert_eq!((&answer["message"], &answer["result"]["shelf"]), (&json!("It stands on shelf 7."), &json!(7)));
        assert_eq!(calls()[0]["arguments"], json!({ "title": "Emma" }));

        // Arguments that do not fit come back to the model; the server sees nothing of them.
        for (tool, arguments, told) in [
            ("findBook", json!({ "title": "E" }), "/title"),
            ("findBook", json!({ "titel": "Emma" }), "\"title\" is a required property"),
            ("lend_book", json!({ "environment": "dev", "title": 7 }), "/title"),
            ("lend_book", json!({ "title": "Emma" }), "\"environment\" is a required property"),
        ] {
            let (state, answer) = call_tool("tools", "mcp-tools", &id, tool, &arguments).await;
            assert_eq!(state, "REPROMPT", "{answer}");
            assert!(answer["message"].as_str().unwrap().contains(told), "{answer}");
        }
        // Neither does it of a change to a protected environment, or to one that is not named at all.
        let refused = json!({ "environment": "prod", "title": "Emma" });
        let (_, answer) = call_tool("tools", "mcp-tools", &id, "lend_book", &refused).await;
        assert!(answer["message"].as_str().unwrap().contains("`prod` is protected"), "{answer}");
        let (_, answer) = call_tool("tools", "mcp-tools", &id, "burn_book", &json!({})).await;
        assert!(answer["message"].as_str().unwrap().contains("names no environment"), "{answer}");
        assert_eq!(calls().len(), 1);

        // What changes something is one execution, however often it is asked for.
        let wish = json!({ "environment": "Dev", "title": "Emma", "tenant_id": id.to_uppercase() });
        let (_, first) = call_tool("tools", "mcp-tools", &id, "lend_book", &wish).await;
        let (_, again) = call_tool("tools", "mcp-tools", &id, "lend_book", &wish).await;
        assert_eq!(
            (&first["status"], &first["execution_id"]),
            (&json!("succeeded"), &again["execution_id"]),
            "{again}"
        );
        assert_eq!(calls().len(), 2);
        assert_eq!(calls()[1]["arguments"], json!({ "environment": "dev", "title": "Emma", "tenant_id": id }));
        assert_eq!(calls()[1]["_meta"]["switchyard/execution_id"], first["execution_id"]);
        let record = aws::record(first["execution_id"].as_str().unwrap()).await.unwrap();
        assert_eq!(aws::text(&record, "pipeline_type"), format!("{id}.lend_book"));
        assert_eq!((aws::text(&record, "agent"), aws::text(&record, "tenant_id")), ("tools", id.as_str()));

        delete(&id).await;
        eventually("the library is not called any more", || async {
            let (_, answer) = call_tool("tools", "mcp-tools", &id, "findBook", &json!({ "title": "Emma" })).await;
            answer["message"].as_str().unwrap().contains("not in the registry as active").then_some(())
        })
        .await;
        eventually("the library is not found any more", || async {
            names(&find("tools", "mcp-tools", &format!("{id} book")).await, &id).is_empty().then_some(())
        })
        .await;
    });
}

#[test]
fn an_agent_finds_and_calls_what_its_lists_allow_and_nothing_else() {
    run(async {
        let (endpoint, called) = library().await;
        let id = unique("library");
        let other = unique("archive");
        for name in [&id, &other] {
            let (outcome, _) = change("CreateStack", name, &template(name, &endpoint, &json!({}))).await;
            assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(name).await);
        }
        let found = eventually("the library is found", || async {
            let found = find("librarian", "libraries", &format!("{id}: find, lend, burn a book")).await;
            (!names(&found, &id).is_empty()).then_some(found)
        })
        .await;
        assert!(names(&found, &id).iter().all(|name| name != "burn_book"), "{found}");
        assert!(!found.to_string().contains(&other) && !found.to_string().contains("execute_"), "{found}");
        for (server_id, tool) in
            [(id.as_str(), "burn_book"), (&other, "findBook"), ("pipelines", "get_pipeline_status")]
        {
            let arguments = json!({ "title": "Emma", "environment": "dev" });
            let (state, answer) = call_tool("librarian", "libraries", server_id, tool, &arguments).await;
            assert_eq!(state, "");
            assert!(answer["message"].as_str().unwrap().contains("The agent `librarian` may not call"), "{answer}");
        }
        // Who has no such action group, or is nobody, has no such functions, whatever group the event names.
        for agent in ["bootstrap", "nobody"] {
            let (_, answer) = call_tool(agent, "libraries", &id, "findBook", &json!({ "title": "Emma" })).await;
            assert!(answer["message"].as_str().unwrap().contains("has no function `call_tool`"), "{answer}");
        }
        assert!(called.lock().unwrap().is_empty());
        let (_, answer) = call_tool("librarian", "libraries", &id, "findBook", &json!({ "title": "Emma" })).await;
        assert_eq!(answer["result"]["shelf"], 7, "{answer}");
        for name in [&id, &other] {
            delete(name).await;
        }
    });
}

#[test]
fn a_language_model_finds_and_calls_a_tool_for_its_agent() {
    run(async {
        let (endpoint, called) = library().await;
        let id = unique("library");
        let (outcome, _) = change("CreateStack", &id, &template(&id, &endpoint, &json!({}))).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&id).await);
        eventually("the library is found", || async {
            let found = find("librarian", "libraries", &format!("{id}: find a book")).await;
            (!names(&found, &id).is_empty()).then_some(())
        })
        .await;

        let (heard, server_id) = (Arc::<Mutex<Vec<Value>>>::default(), id.clone());
        let hears = Arc::clone(&heard);
        let runtime = AgentRuntime::start(move |answers| match answers {
            [] => {
                Next::Call("find_tools", json!({ "query": format!("{server_id}: on which shelf does a book stand") }))
            }
            [found] => {
                let tool =
                    found["tools"].as_array().unwrap().iter().find(|tool| tool["server_id"] == server_id).unwrap();
                let arguments = json!({ "title": "Emma" }).to_string();
                Next::Call(
                    "call_tool",
                    json!({ "server_id": tool["server_id"], "tool": tool["tool"], "arguments_json": arguments }),
                )
            }
            [.., shelf] => {
                hears.lock().unwrap().push(shelf.clone());
                Next::Reply(shelf["message"].to_string())
            }
        })
        .await;
        for agent in ["tools", "librarian"] {
            let reply = runtime.say(agent, "On which shelf does Emma stand?").await;
            assert_eq!(reply, "\"It stands on shelf 7.\"");
        }
        let heard = heard.lock().unwrap().clone();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(heard.iter().all(|answer| answer["result"]["shelf"] == 7), "{heard:?}");
        assert_eq!(called.lock().unwrap().len(), 2);
        delete(&id).await;
    });
}

/// The offline planner has no sense for tools that it must find first, and says so.
#[test]
fn the_orchestrator_may_ask_agents_that_find_their_tools() {
    run(async {
        for agent in ["tools", "librarian", "samples"] {
            let wish = [
                ("agent_type", "string", agent),
                ("instruction", "string", "On which shelf does Emma stand?"),
                ("environment", "string", "dev"),
            ];
            let event = call("orchestrator", "invoke-specialized-agent", "invoke_agent", &wish);
            let answer = body(&aws::invoke("agent_invoker", &event).await.unwrap());
            assert_eq!(answer["agent"], agent);
            assert!(answer["message"].as_str().unwrap().contains("I started nothing"), "{answer}");
        }
    });
}

#[test]
fn a_hostile_schema_is_not_registered_and_never_checked_with() {
    run(async {
        let (endpoint, called) = library().await;
        let id = unique("library");
        let tool =
            |schema: Value| json!([{ "name": "t", "description": "A tool.", "inputSchema": schema }]).to_string();
        let doubled: serde_json::Map<String, Value> = (0..60)
            .map(|n| (format!("d{n}"), json!({ "allOf": [{ "$ref": format!("#/$defs/d{}", n + 1) }, { "$ref": format!("#/$defs/d{}", n + 1) }] })))
            .chain([("d60".to_owned(), json!({ "type": "string" }))])
            .collect();
        for (number, (schema, told)) in [
            (
                json!({ "type": "object", "properties": { "a": { "$ref": "http://169.254.169.254/" } } }),
                "/properties/a/$ref",
            ),
            (json!({ "type": "object", "properties": { "a": { "pattern": "(a+)+\\1$" } } }), "/properties/a/pattern"),
            (
                json!({ "type": "object", "$defs": doubled, "properties": { "a": { "$ref": "#/$defs/d0" } } }),
                "lead into each other",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let stack = format!("{id}-{number}");
            let more = json!({ "AvailableTools": tool(schema), "Configuration": "{}" });
            let (outcome, _) = change("CreateStack", &stack, &template(&stack, &endpoint, &more)).await;
            assert_ne!(outcome, "CREATE_COMPLETE");
            let events = events(&stack).await;
            assert!(events.contains(told), "{told}: {events}");
            delete(&stack).await;
        }
        // Somebody writes one into the table by hand.
        let (outcome, _) = change("CreateStack", &id, &template(&id, &endpoint, &json!({}))).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&id).await);
        let client = aws::dynamodb().await;
        client
            .update_item()
            .table_name("MCPServerRegistry-local")
            .key("server_id", S(id.clone()))
            .key("version", S("1.0.0".into()))
            .update_expression("SET available_tools[0].inputSchema.properties.title.#ref = :elsewhere")
            .expression_attribute_names("#ref", "$ref")
            .expression_attribute_values(":elsewhere", S(format!("{endpoint}/schema.json")))
            .send()
            .await
            .unwrap();
        let (_, answer) = call_tool("tools", "mcp-tools", &id, "findBook", &json!({ "title": "Emma" })).await;
        assert!(answer["message"].as_str().unwrap().contains("/properties/title/$ref"), "{answer}");
        assert!(called.lock().unwrap().is_empty());
        delete(&id).await;
    });
}
