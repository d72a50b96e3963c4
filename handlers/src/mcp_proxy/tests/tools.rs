//! `find_tools` and `call_tool`: from the registry to the server and back, and everything that stops before the server.

use super::*;

const WEATHER: &str = "arn:aws:lambda:us-east-1:123456789012:function:weather";

/// A team's server: one tool that reads, one that changes an environment.
fn weather(version: &str) -> Server {
    let forecast = json!({
        "name": "get_forecast", "description": "Tells the weather of a place.", "annotations": { "readOnlyHint": true },
        "inputSchema": {
            "type": "object", "required": ["place"], "additionalProperties": false,
            "properties": { "place": { "type": "string", "pattern": "^[A-Z]" }, "days": { "type": "integer", "maximum": 7 } },
        },
    });
    let station = json!({
        "name": "deleteStation", "description": "Takes a station out of service.",
        "inputSchema": {
            "type": "object", "required": ["stage", "station"],
            "properties": { "stage": { "enum": ["dev", "prod"] }, "station": { "type": "string" }, "tenant_id": { "type": "string" } },
        },
        "_meta": { "switchyard/pipeline_type": "station" },
    });
    let mut entry = server(WEATHER);
    entry.server_id = "weather".into();
    entry.version = version.into();
    entry.available_tools = vec![serde_json::from_value(forecast).unwrap(), serde_json::from_value(station).unwrap()];
    entry.configuration = Map::from_iter([("environment_argument".to_owned(), "stage".into())]);
    entry
}

impl Bench {
    async fn find(&self, query: &str) -> Value {
        self.call_as("tools", Some(SESSION), "find_tools", &[("query", query)]).await.1
    }

    async fn call_tool(&self, server_id: &str, tool: &str, arguments: &str) -> (Option<String>, Value) {
        let parameters = [("server_id", server_id), ("tool", tool), ("arguments_json", arguments)];
        self.call_as("tools", Some(SESSION), "call_tool", &parameters).await
    }
}

#[tokio::test]
async fn a_tool_is_found_by_what_it_does_and_called() {
    let bench = Bench::new().await;
    bench.register(&weather("1.0.0")).await;
    let found = bench.find("what will the weather be").await;
    let best = &found["tools"][0];
    assert_eq!((&best["server_id"], &best["tool"]), (&json!("weather"), &json!("get_forecast")), "{found}");
    assert_eq!(best["read_only"], true);
    assert_eq!(best["arguments"]["properties"]["days"], json!({ "type": "integer", "maximum": 7 }));
    bench.call_tool("weather", "get_forecast", r#"{"place": "Bern", "days": 3}"#).await;
    let calls = bench.pipelines.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["params"]["name"], "get_forecast");
    assert_eq!(calls[0]["params"]["arguments"], json!({ "place": "Bern", "days": 3 }));
    assert!(bench.pipelines.functions()[0].ends_with(":weather"));
    assert!(bench.history().await.is_empty(), "what only reads is no execution");
}

#[tokio::test]
async fn a_tool_that_changes_something_is_reserved_called_once_and_recorded() {
    let bench = Bench::new().await;
    bench.register(&weather("1.0.0")).await;
    let found = bench.find("delete station").await;
    assert_eq!(found["tools"][0]["tool"], "deleteStation", "{found}");
    assert_eq!(found["tools"][0]["environment_argument"], "stage");
    let arguments = r#"{"stage": " DEV", "station": "north", "tenant_id": "ACME"}"#;
    let (_, first) = bench.call_tool("weather", "deleteStation", arguments).await;
    let (_, again) = bench.call_tool("weather", "deleteStation", arguments).await;
    assert_eq!(first["execution_id"], again["execution_id"], "{first} {again}");
    assert_eq!(bench.pipelines.started(), 1);
    assert_eq!(
        bench.pipelines.calls()[0]["params"]["arguments"],
        json!({ "stage": "dev", "station": "north", "tenant_id": "acme" })
    );
    let record = bench.record(&first["execution_id"]).await;
    assert_eq!((record.pipeline_type.as_str(), record.environment.as_str()), ("station", "dev"));
    assert_eq!((record.tenant_id.as_deref(), record.agent.as_deref()), (Some("acme"), Some("tools")));
    let (_, protected) = bench.call_tool("weather", "deleteStation", r#"{"stage": "prod", "station": "north"}"#).await;
    assert!(message(&protected).contains("`prod` is protected"), "{protected}");
    assert_eq!(bench.pipelines.calls().len(), 1);
}

#[tokio::test]
async fn a_tool_that_changes_something_is_no_status_tool_whatever_an_entry_by_hand_calls_it() {
    let bench = Bench::new().await;
    let mut entry = weather("1.0.0");
    entry.configuration.insert("status_tool".into(), "deleteStation".into());
    bench.register(&entry).await;
    let arguments =
        json!({ "stage": "prod", "station": "north", "execution_id": uuid::Uuid::now_v7().to_string() }).to_string();
    let (_, body) = bench.call_tool("weather", "deleteStation", &arguments).await;
    assert!(message(&body).contains("`prod` is protected"), "{body}");
    assert!(bench.pipelines.calls().is_empty());
}

#[tokio::test]
async fn wrong_arguments_come_back_to_the_model_and_nothing_is_sent() {
    let bench = Bench::new().await;
    bench.register(&weather("1.0.0")).await;
    for (tool, arguments, told) in [
        ("get_forecast", "", "\"place\" is a required property"),
        ("get_forecast", r#"{"place": "bern"}"#, "/place: "),
        ("get_forecast", r#"{"place": "Bern", "days": "3"}"#, "/days: "),
        ("get_forecast", r#"{"place": "Bern", "days": 8}"#, "/days: 8 is greater than the maximum of 7"),
        ("get_forecast", r#"{"place": "Bern", "hours": 8}"#, "'hours' was unexpected"),
        ("get_forecast", "{'place': 'Bern'}", "it is no JSON: key must be a string at line 1 column 2"),
        ("get_forecast", r#"["Bern"]"#, "another JSON value"),
        ("deleteStation", r#"{"station": "north"}"#, "\"stage\" is a required property"),
        ("deleteStation", r#"{"stage": "moon", "station": "north"}"#, "/stage: "),
    ] {
        let (state, body) = bench.call_tool("weather", tool, arguments).await;
        assert_eq!(state.as_deref(), Some("REPROMPT"), "{arguments}: {body}");
        assert!(message(&body).contains(told), "{arguments}: {body}");
        assert!(message(&body).to_lowercase().contains("nothing was called"), "{body}");
    }
    assert!(bench.pipelines.calls().is_empty() && bench.history().await.is_empty());
}

#[tokio::test]
async fn what_the_lists_do_not_allow_is_neither_found_nor_called() {
    let bench = Bench::new().await;
    bench.register(&weather("1.0.0")).await;
    let found = bench.find("execute the bootstrap pipeline").await;
    assert!(!found.to_string().contains("execute_bootstrap_pipeline"), "{found}");
    let (state, body) = bench.call_tool("pipelines", "execute_bootstrap_pipeline", r#"{"environment": "dev"}"#).await;
    assert_eq!(state, None);
    assert!(message(&body).contains("The agent `tools` may not call the tool `execute_bootstrap_pipeline`"), "{body}");
    for stranger in ["bootstrap", "stranger"] {
        let parameters =
            [("server_id", "weather"), ("tool", "get_forecast"), ("arguments_json", r#"{"place": "Bern"}"#)];
        let (_, body) = bench.call_as(stranger, Some(SESSION), "call_tool", &parameters).await;
        assert!(message(&body).contains("has no function `call_tool`"), "{body}");
        let (_, body) = bench.call_as(stranger, Some(SESSION), "find_tools", &[("query", "weather")]).await;
        assert!(message(&body).contains("has no function `find_tools`"), "{body}");
    }
    assert!(bench.pipelines.calls().is_empty());
}

#[tokio::test]
async fn the_index_follows_the_registry_and_holds_the_highest_active_version() {
    let bench = Bench::new().await;
    let nothing = bench.find("weather").await;
    assert!(message(&nothing).starts_with("There is no active server"), "{nothing}");
    let mut old = weather("1.9.0");
    old.available_tools[0].description = "Tells the weather of yesterday.".into();
    bench.register(&old).await;
    bench.register(&Server { status: ServerStatus::Pending, server_id: "secret".into(), ..weather("1.0.0") }).await;
    bench.register(&weather("1.10.0")).await;
    bench.count_a_change().await;
    let found = bench.find("weather").await;
    assert_eq!(found["tools"][0]["description"], "Tells the weather of a place.", "{found}");
    assert!(!found.to_string().contains("secret") && !found.to_string().contains("yesterday"), "{found}");
    let unknown = bench.find("quantum").await;
    assert!(message(&unknown).contains("the servers there are: weather."), "{unknown}");
    bench.register(&Server { status: ServerStatus::Maintenance, ..weather("1.10.0") }).await;
    bench.count_a_change().await;
    let found = bench.find("weather").await;
    assert_eq!(found["tools"][0]["description"], "Tells the weather of yesterday.");
    let (_, body) = bench.call_tool("secret", "get_forecast", r#"{"place": "Bern"}"#).await;
    assert!(message(&body).contains("not in the registry as active"), "{body}");
}

#[tokio::test]
async fn a_search_is_bounded() {
    let bench = Bench::new().await;
    let mut wide = weather("1.0.0");
    wide.available_tools = (0..200)
        .map(|n| {
            let mut tool = wide.available_tools[0].clone();
            tool.name = format!("weather_{n}");
            tool.description = format!("Weather. {}", "long ".repeat(1000));
            tool.input_schema["properties"] = (0..60)
                .map(|p| (format!("p{p}"), json!({ "type": "string", "description": "x".repeat(40) })))
                .collect::<Map<_, _>>()
                .into();
            tool
        })
        .collect();
    bench.register(&Server { available_tools: wide.available_tools.split_off(170), ..wide }).await;
    let parameters = [("query", "weather"), ("limit", "20")];
    let (_, found) = bench.call_as("tools", Some(SESSION), "find_tools", &parameters).await;
    let size = found.to_string().len();
    assert!(size < 25_000 && found["tools"].as_array().unwrap().len() > 1, "{size} bytes");
    assert!(message(&found).contains("more would make the answer too large"), "{}", message(&found));
    for (query, limit, told) in
        [("weather", "21", "1 to 20"), ("weather", "0", "1 to 20"), (" ", "5", "`query` is missing")]
    {
        let (state, body) =
            bench.call_as("tools", Some(SESSION), "find_tools", &[("query", query), ("limit", limit)]).await;
        assert_eq!(state.as_deref(), Some("REPROMPT"));
        assert!(message(&body).contains(told), "{body}");
    }
    let long = "weather ".repeat(100);
    let (state, body) = bench.call_as("tools", Some(SESSION), "find_tools", &[("query", &long)]).await;
    assert_eq!((state.as_deref(), message(&body).contains("799 characters")), (Some("REPROMPT"), true), "{body}");
}

#[tokio::test]
async fn a_schema_that_cannot_be_checked_with_lets_nothing_through() {
    let bench = Bench::new().await;
    let mut entry = weather("1.0.0");
    entry.available_tools[0].input_schema = json!({ "type": "object", "$ref": "http://169.254.169.254/latest" });
    bench.register(&entry).await;
    let (state, body) = bench.call_tool("weather", "get_forecast", "{}").await;
    assert_eq!(state, None, "the model cannot mend it");
    assert!(message(&body).contains("cannot be checked with") && message(&body).contains("/$ref"), "{body}");
    assert!(bench.pipelines.calls().is_empty());
}

#[tokio::test]
async fn declared_functions_are_checked_against_the_approved_schema_too() {
    let bench = Bench::new().await;
    let mut entry = server(ARN);
    entry.available_tools[0].input_schema =
        json!({ "type": "object", "properties": { "region": { "enum": ["eu-central-1"] } } });
    bench.register(&entry).await;
    let (state, body) = bench.call_in(Some(SESSION), "execute_bootstrap_pipeline", &[("environment", "dev")]).await;
    assert_eq!(state.as_deref(), Some("REPROMPT"));
    assert!(message(&body).contains("/region: \"us-east-1\" is not one of"), "{body}");
    assert!(bench.pipelines.calls().is_empty() && bench.history().await.is_empty());
}
