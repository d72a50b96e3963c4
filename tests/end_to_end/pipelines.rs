//! The pipelines server's own doors: HTTP with a key, and Invoke.

use serde_json::{Value, json};

use crate::support::{aws, gitlab, run, stack, unique};

/// A request to the function's URL, which needs a signature; MiniStack finds the function by the Host header.
async fn by_url(method: &str, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let stack = stack().await;
    let url = url::Url::parse(stack.output("PipelinesUrl").unwrap()).unwrap();
    let mut request = reqwest::Client::new()
        .request(method.parse().unwrap(), format!("{}{path}", stack.aws_url()))
        .header("host", url.host_str().unwrap())
        .header("authorization", aws::authorization("lambda"));
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| json!(text)))
}

/// The event that Lambda makes of such a request, invoked directly: who may invoke is no better off without the key.
/// Source: AWS Lambda developer guide, "Invoking Lambda function URLs", request payload format 2.0.
async fn by_event(method: &str, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut headers = json!({ "content-type": "application/json", "host": "abc.lambda-url.us-east-1.on.aws" });
    if let Some(key) = key {
        headers["x-api-key"] = json!(key);
    }
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abc",
            "domainName": "abc.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abc",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" },
            "requestId": "r1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:01:00:00 +0000",
            "timeEpoch": 1_795_222_800_000_u64,
        },
        "body": if body.is_null() { Value::Null } else { json!(body.to_string()) },
        "isBase64Encoded": false,
    });
    let answer = aws::invoke("pipelines", &event).await.unwrap();
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap_or_else(|| panic!("{answer}"))).unwrap();
    let text = answer["body"].as_str().unwrap_or_default();
    (status, serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

async fn key() -> String {
    aws::secret("switchyard/local/mcp/pipelines/api_key").await
}

#[test]
fn the_http_doors_need_the_key() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("stark");
        let wish = json!({
            "pipeline_type": "compute", "environment": "dev", "tenant_id": tenant, "parameters": { "instance_count": 1 },
        });
        let some_id = "/status/01a1fbdd-c21b-73e8-928a-a197f9a4d3e7";
        for key in [None, Some("wrong"), Some("")] {
            for (method, path, body) in
                [("POST", "/execute", &wish), ("GET", some_id, &Value::Null), ("POST", "/mcp", &wish)]
            {
                for (status, answer) in [by_url(method, path, key, body).await, by_event(method, path, key, body).await]
                {
                    assert_eq!((status, &answer["status"]), (401, &json!(401)), "{path} {key:?}: {answer}");
                }
            }
        }
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());

        let key = key().await;
        let (status, answer) = by_url("POST", "/execute", Some(&key), &wish).await;
        assert!((200..300).contains(&status), "{status} {answer}");
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1);
        let id = answer["execution_id"].as_str().unwrap();
        let (status, answer) = by_event("GET", &format!("/status/{id}"), Some(&key), &Value::Null).await;
        assert_eq!((status, answer["execution_id"].as_str()), (200, Some(id)), "{answer}");
    });
}

#[test]
fn health_tells_whether_gitlab_can_be_used() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let (status, answer) = by_event("GET", "/health", None, &Value::Null).await;
        assert_eq!((status, &answer["status"]), (200, &json!("healthy")), "{answer}");
    });
}

#[test]
fn an_invoke_speaks_mcp() {
    run(async {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        let answer = aws::invoke("pipelines", &list).await.unwrap();
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        // `database` comes from the tests' own pipeline types.
        for name in ["execute_bootstrap_pipeline", "execute_database_pipeline", "get_pipeline_status"] {
            assert!(names.contains(&name), "{names:?}");
        }
    });
}
