//! The pipelines server's own doors: HTTP with a key, and Invoke.

use serde_json::{Value, json};

use crate::support::{aws, gitlab, run, stack, unique};

/// A request to the function's URL; MiniStack finds the function by the Host header.
async fn http(method: &str, path: &str, key: Option<&str>, body: Value) -> (u16, Value) {
    let client = reqwest::Client::new();
    let stack = stack().await;
    let url = url::Url::parse(stack.output("PipelinesUrl").unwrap()).unwrap();
    let mut request = client
        .request(method.parse().unwrap(), format!("{}{path}", stack.aws_url()))
        .header("host", url.host_str().unwrap());
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
        for key in [None, Some("wrong")] {
            let (status, answer) = http("POST", "/execute", key, wish.clone()).await;
            assert!(matches!(status, 401 | 403), "{status} {answer}");
            let (status, answer) = http("GET", "/status/01a1fbdd-c21b-73e8-928a-a197f9a4d3e7", key, Value::Null).await;
            assert!(matches!(status, 401 | 403), "{status} {answer}");
        }
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());

        let key = key().await;
        let (status, answer) = http("POST", "/execute", Some(&key), wish).await;
        assert!((200..300).contains(&status), "{status} {answer}");
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1);
        let id = answer["execution_id"].as_str().unwrap();
        let (status, answer) = http("GET", &format!("/status/{id}"), Some(&key), Value::Null).await;
        assert_eq!((status, answer["execution_id"].as_str()), (200, Some(id)), "{answer}");
    });
}

#[test]
fn health_tells_whether_gitlab_can_be_used() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let (status, answer) = http("GET", "/health", None, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
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
