//! Through the routes, as API Gateway calls them.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use tower::ServiceExt as _;

use super::*;

async fn ask(method: &str, params: Value) -> Value {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = Request::post("/mcp")
        .header(header::HOST, "abc.execute-api.eu-west-1.amazonaws.com")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .body(Body::from(message.to_string()))
        .unwrap();
    let response = router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    serde_json::from_slice(&to_bytes(response.into_body(), 100_000).await.unwrap()).unwrap()
}

async fn called(name: &str, arguments: Value) -> Value {
    ask("tools/call", json!({ "name": name, "arguments": arguments })).await["result"].clone()
}

#[tokio::test]
async fn the_tools_are_listed_with_their_schemas() {
    let list = ask("tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["process_data", "generate_report"]);
    assert_eq!(tools[1]["inputSchema"]["required"], json!(["report_type"]));
}

#[tokio::test]
async fn data_are_read_in_their_format() {
    let csv = "city,people\r\n\"Bern, \"\"the\"\" capital\",146000\nThun,44000\n";
    let result = called("process_data", json!({ "data": csv, "format": "csv" })).await;
    let found = &result["structuredContent"]["found"];
    assert_eq!(found["rows"][0], json!({ "city": "Bern, \"the\" capital", "people": 146000.0 }));
    assert_eq!(found["entries"], 2);
    let people = json!({ "values": 2, "least": 44000.0, "most": 146000.0, "sum": 190000.0, "mean": 95000.0 });
    assert_eq!(found["columns"], json!({ "city": { "values": 2 }, "people": people }));

    let odd = called("process_data", json!({ "data": "n\nNaN", "format": "csv" })).await;
    assert_eq!(odd["structuredContent"]["found"]["rows"], json!([{ "n": "NaN" }]));

    let result = called("process_data", json!({ "data": "[{\"a\": 1}, {\"a\": 2}]" })).await;
    assert_eq!(result["structuredContent"]["found"]["columns"]["a"]["sum"], 3.0);
    let result = called("process_data", json!({ "data": "änd so\non", "format": "text" })).await;
    let expected = json!({ "format": "text", "length": 9, "found": { "lines": 2, "words": 3 } });
    assert_eq!(result["structuredContent"], expected);
}

#[tokio::test]
async fn reports_are_made_of_their_rows_and_named_by_their_content() {
    let rows = json!([{ "city": "Bern", "people": 146000 }, { "city": "a|b", "people": 4 }]);
    let arguments = |title: &str| json!({ "report_type": "table", "parameters": { "title": title, "rows": rows } });
    let first = called("generate_report", arguments("Cities")).await["structuredContent"].clone();
    assert_eq!(first["report"], "# Cities\n\n| city | people |\n| --- | --- |\n| Bern | 146000 |\n| a\\|b | 4 |\n");
    assert_eq!(first["rows"], 2);
    let again = called("generate_report", arguments("Cities")).await["structuredContent"].clone();
    let other = called("generate_report", arguments("Towns")).await["structuredContent"].clone();
    assert_eq!(first["report_id"], again["report_id"]);
    assert_ne!(first["report_id"], other["report_id"]);

    let summary = json!({ "report_type": "summary", "parameters": json!({ "rows": rows }).to_string() });
    let summary = called("generate_report", summary).await["structuredContent"]["report"].clone();
    assert!(summary.as_str().unwrap().contains("| people | 2 | 4.0 | 146000.0 | 146004.0 | 73002.0 |"), "{summary}");
}

#[tokio::test]
async fn what_is_wrong_is_told_to_the_model() {
    for (tool, arguments, problem) in [
        ("process_data", json!({ "data": "{" }), "data is no JSON: EOF"),
        ("process_data", json!({ "data": "a,b\n1", "format": "csv" }), "row 1 has 1 fields, and there are 2 columns"),
        ("process_data", json!({ "data": "a\n\"1", "format": "csv" }), "record 2: a quotation mark is not closed"),
        ("process_data", json!({ "data": "\"a\"b", "format": "csv" }), "text behind a closing quotation mark"),
        ("process_data", json!({ "data": "", "format": "csv" }), "data is empty"),
        ("process_data", json!({ "data": "", "format": "xml" }), "unknown variant `xml`"),
        ("generate_report", json!({ "report_type": "table" }), "nothing to report on"),
        ("generate_report", json!({ "report_type": "table", "parameters": "{" }), "parameters: EOF"),
        ("generate_report", json!({ "report_type": "table", "parameters": { "x": 1 } }), "unknown field `x`"),
        ("generate_report", json!({ "parameters": {} }), "missing field `report_type`"),
    ] {
        let result = called(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains(problem), "{problem}: {result}");
    }
    let unknown = ask("tools/call", json!({ "name": "x", "arguments": {} })).await;
    assert_eq!(unknown["error"]["code"], -32602);
}

#[tokio::test]
async fn health_is_told() {
    let response = router().oneshot(Request::get("/health").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1000).await.unwrap()).unwrap();
    assert_eq!(body["status"], "healthy");
}
