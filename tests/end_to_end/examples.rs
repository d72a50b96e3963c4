//! The examples, deployed as they are, found in the registry and called by mcp_proxy.

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    aws,
    cloudformation::delete,
    events::{body, call},
    eventually, registry, run, teams,
};

async fn called(server: &str, tool: &str, parameters: &[(&str, &str, &str)]) -> Value {
    body(&aws::invoke("mcp_proxy", &call("samples", server, tool, parameters)).await.unwrap())
}

async fn tools(server: &str) -> Vec<String> {
    let entry = aws::server(server, "1.0.0").await.unwrap_or_else(|| panic!("{server} is not registered"));
    assert_eq!(aws::text(&entry, "status"), "active");
    let tools = entry["available_tools"].as_l().unwrap();
    tools.iter().map(|tool| tool.as_m().unwrap()["name"].as_s().unwrap().clone()).collect()
}

#[test]
fn the_examples_are_deployed_registered_and_called() {
    run(async {
        let outputs = teams::deploy(&["examples-echo", "examples-products", "examples-reports"]).await;

        // No authentication, on a function URL: the tool was discovered.
        assert_eq!(tools("echo").await, ["echo"]);
        let answer = called("echo", "echo", &[("message", "string", "is there anybody?")]).await;
        assert_eq!(answer["message"], "is there anybody?", "{answer}");

        // GraphQL with an API key: what is in the table comes back.
        assert_eq!(tools("products").await, ["get_product", "query_data"]);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let table = outputs["examples-products"]["ProductsTable"].as_str().unwrap();
        let put =
            aws::dynamodb().await.put_item().table_name(table).item("sku", text("b-1")).item("name", text("Bolt"));
        put.item("price", number("250")).item("stock", number("12")).send().await.unwrap();
        let answer = called("products", "get_product", &[("sku", "string", "b-1")]).await;
        let product = json!({ "sku": "b-1", "name": "Bolt", "price": 250, "stock": 12 });
        assert_eq!(answer["result"]["product"], product, "{answer}");
        let answer = called("products", "query_data", &[("query", "string", "{ products { items { name } } }")]).await;
        assert_eq!(answer["result"]["products"]["items"], json!([{ "name": "Bolt" }]), "{answer}");

        // Two tools behind a REST API with a key.
        assert_eq!(tools("reports").await, ["process_data", "generate_report"]);
        assert_eq!(outputs["examples-reports"]["ReportsTools"], "2");
        let csv = "city,people\nBern,146000\nThun,44000\n";
        let answer = called("reports", "process_data", &[("data", "string", csv), ("format", "string", "csv")]).await;
        assert_eq!(answer["result"]["found"]["columns"]["people"]["sum"], 190_000.0, "{answer}");
        let rows = json!({ "title": "Cities", "rows": [{ "city": "Bern", "people": 146_000 }] }).to_string();
        let parameters = [("report_type", "string", "table"), ("parameters", "string", rows.as_str())];
        let answer = called("reports", "generate_report", &parameters).await;
        let report = answer["result"]["report"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(report.starts_with("# Cities\n\n| city | people |\n"), "{report}");

        // What operators test from the registry API is asked with the key too.
        let path = "servers/reports/versions/1.0.0/test";
        let tested = registry().await.send(Method::POST, path, &[], "".into()).await.unwrap();
        let tested: Value = tested.json().await.unwrap();
        assert_eq!((&tested["ok"], &tested["tools"]["same"]), (&json!(true), &json!(true)), "{tested}");

        for stack in ["examples-echo", "examples-products", "examples-reports"] {
            delete(stack).await;
        }
        for server in ["echo", "products", "reports"] {
            eventually(&format!("{server} to be decommissioned"), || async move {
                let entry = aws::server(server, "1.0.0").await?;
                (aws::text(&entry, "status") == "decommissioned").then_some(())
            })
            .await;
        }
    });
}
