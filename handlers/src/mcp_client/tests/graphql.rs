//! Servers that speak GraphQL.

use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_json, header, method},
};

use super::{http::answering, *};

const ADD: &str = "mutation Add($name: String!) { addCity(name: $name) { id } }";

fn graphql(url: &str, read_only: bool) -> Server {
    let schema = json!({ "type": "object", "properties": { "query": { "type": "string" } } });
    let annotations = json!({ "readOnlyHint": read_only });
    let add = json!({ "name": "add_city", "inputSchema": { "type": "object" },
        "_meta": { "switchyard/graphql": { "query": ADD, "operation_name": "Add" } } });
    let query_data = json!({ "name": "query_data", "inputSchema": schema, "annotations": annotations });
    let available_tools = vec![tool(add), tool(query_data)];
    Server { protocol_type: ProtocolType::GraphQl, available_tools, ..server(url, None) }
}

async fn asked(server: &Server, arguments: Value) -> Result<ToolResult, CallError> {
    call_with(&client(), server, "query_data", arguments).await
}

#[tokio::test]
async fn a_declared_operation_gets_the_arguments_as_variables() {
    let mock = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_json(json!({ "query": ADD, "operationName": "Add", "variables": { "name": "Bern" } })))
        .and(header("switchyard-execution-id", "0198c0de-0000-7000-8000-000000000000"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "data": { "addCity": { "id": 1 } } })))
        .expect(1)
        .mount(&mock)
        .await;
    let server = graphql(&mock.uri(), false);
    let result = call_with(&client(), &server, "add_city", json!({ "name": "Bern" })).await.unwrap();
    assert_eq!(result.structured, Some(json!({ "addCity": { "id": 1 } })));
    assert!(!result.is_error);
}

#[tokio::test]
async fn a_document_is_passed_on_with_its_variables() {
    let query = "query C($n: Int) { cities(first: $n) { name } }";
    for variables in [json!({ "n": 2 }), json!("{\"n\": 2}")] {
        let mock = MockServer::start().await;
        Mock::given(body_json(json!({ "query": query, "operationName": "C", "variables": { "n": 2 } })))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "data": { "cities": [] } })))
            .expect(1)
            .mount(&mock)
            .await;
        let arguments = json!({ "query": query, "variables": variables, "operation_name": "C" });
        asked(&graphql(&mock.uri(), true), arguments).await.unwrap();
    }
}

/// A model that may only read must not get a mutation past us, however it is written.
#[tokio::test]
async fn a_tool_that_changes_nothing_sends_no_mutation() {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&mock).await;
    let server = graphql(&mock.uri(), true);
    for query in [
        "mutation { deleteAll }",
        "# only a query\nmutation { deleteAll }",
        "# only a query\rmutation { deleteAll }",
        "query A { a } mutation B { deleteAll }",
        "subscription { a }",
        "{ a(b: \"\"\" \"\"\") } mutation { deleteAll }",
        "{ a",
        "",
    ] {
        for operation_name in [json!(null), json!("A"), json!("B")] {
            let arguments = json!({ "query": query, "operation_name": operation_name });
            let error = asked(&server, arguments).await.unwrap_err();
            assert!(matches!(&error.failure, Failure::Argument { name, .. } if name == "query"), "{query}: {error}");
            assert!(!error.may_have_run());
        }
    }
    for arguments in [
        json!({}),
        json!({ "query": 1 }),
        json!({ "query": "{ a }", "variables": "x" }),
        json!({ "query": "{ a }", "x": 1 }),
    ] {
        let error = asked(&server, arguments.clone()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Argument { .. }), "{arguments}: {error}");
    }
}

/// The approval that counts is the one in the registry now, not the one at registration.
#[tokio::test]
async fn a_declared_mutation_is_refused_once_its_tool_counts_as_read_only() {
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&mock).await;
    let mut server = graphql(&mock.uri(), true);
    server.available_tools[0].annotations.read_only_hint = Some(true);
    let error = call_with(&client(), &server, "add_city", json!({})).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Misdeclared(_)) && !error.may_have_run(), "{error}");
}

#[tokio::test]
async fn a_mutation_goes_through_a_tool_that_may_change_something() {
    let mock = answering(ResponseTemplate::new(200).set_body_json(json!({ "data": { "deleteAll": true } }))).await;
    let result = asked(&graphql(&mock.uri(), false), json!({ "query": "mutation { deleteAll }" })).await.unwrap();
    assert_eq!(result.structured, Some(json!({ "deleteAll": true })));
}

#[tokio::test]
async fn errors_are_a_failed_tool_and_keep_partial_data() {
    let errors: Vec<_> = (0..8).map(|n| json!({ "message": format!("wrong\n{n}{}", "x".repeat(900)) })).collect();
    let body = json!({ "data": { "a": 1, "b": null }, "errors": errors });
    let mock = answering(ResponseTemplate::new(200).set_body_json(body)).await;
    let result = asked(&graphql(&mock.uri(), true), json!({ "query": "{ a b }" })).await.unwrap();
    assert!(result.is_error && result.text.contains("wrong 0") && result.text.contains("and 3 more errors"));
    assert!(result.text.chars().count() < 2700, "{}", result.text.chars().count());
    assert_eq!(result.structured, Some(json!({ "a": 1, "b": null })));

    let body = json!({ "data": null, "errors": [{}] });
    let mock = answering(ResponseTemplate::new(200).set_body_json(body)).await;
    let result = asked(&graphql(&mock.uri(), true), json!({ "query": "{ a }" })).await.unwrap();
    assert_eq!((result.is_error, result.text.as_str(), result.structured), (true, "an error without a message", None));
}

#[tokio::test]
async fn failed_statuses_and_other_answers() {
    for (status, may_have_run) in [(400, false), (500, true)] {
        let body = json!({ "errors": [{ "message": "no such field" }] });
        let response =
            ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/graphql-response+json");
        let mock = answering(response).await;
        let error = asked(&graphql(&mock.uri(), false), json!({ "query": "{ a }" })).await.unwrap_err();
        assert_eq!(error.failure, Failure::Http { status, message: "no such field".to_owned() });
        assert_eq!(error.may_have_run(), may_have_run);
    }
    for body in ["{}", "[]", "{\"data\":null}", "{\"data\":null,\"errors\":[]}", "<html>", ""] {
        let mock = answering(ResponseTemplate::new(200).set_body_string(body)).await;
        let error = asked(&graphql(&mock.uri(), false), json!({ "query": "{ a }" })).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Unreadable(_)) && error.may_have_run(), "{body}: {error}");
    }
}
