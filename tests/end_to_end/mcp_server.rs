//! The life of a server that a team registers with the construct McpServer: what CloudFormation does at each step, the registry
//! follows.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    aws::{self, element},
    cloudformation::{change, delete, events},
    events::{body, call},
    eventually,
    language_model::{AgentRuntime, Next},
    registry, run, teams, unique,
};

/// Status and only tool of an entry.
async fn entry(server_id: &str, version: &str) -> Option<(String, String)> {
    let entry = aws::server(server_id, version).await?;
    let tool = entry["available_tools"].as_l().unwrap()[0].as_m().unwrap()["name"].as_s().unwrap().clone();
    Some((aws::text(&entry, "status").to_owned(), tool))
}

async fn becomes(server_id: &str, version: &str, status: &str) {
    eventually(&format!("{server_id} {version} to be {status}"), || async move {
        (entry(server_id, version).await?.0 == status).then_some(())
    })
    .await;
}

async fn called(server: &str, tool: &str) -> Value {
    body(&aws::invoke("mcp_proxy", &call("samples", server, tool, &[])).await.unwrap())
}

fn is(status: &str, tool: &str) -> Option<(String, String)> {
    Some((status.to_owned(), tool.to_owned()))
}

#[test]
fn a_server_lives_as_its_stack_does() {
    run(async {
        let stack = unique("lived");
        let (outcome, xml) = change("CreateStack", &stack, &teams::template("lived-created").await).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&stack).await);
        assert_eq!(element(&xml, "OutputValue"), "lived 1.0.0 2025-11-25 1");
        assert_eq!(entry("lived", "1.0.0").await, is("active", "blink"));
        assert_eq!(called("lived", "blink").await["message"], "called blink");

        // New code, so the tools are asked for again; the old one is no more.
        let (outcome, _) = change("UpdateStack", &stack, &teams::template("lived-changed").await).await;
        assert_eq!(outcome, "UPDATE_COMPLETE", "{}", events(&stack).await);
        assert_eq!(entry("lived", "1.0.0").await, is("active", "nod"));
        assert_eq!(called("lived", "nod").await["message"], "called nod");

        // An update that fails is rolled back, and so is the entry.
        let (outcome, _) = change("UpdateStack", &stack, &teams::template("lived-broken").await).await;
        assert_eq!(outcome, "UPDATE_ROLLBACK_COMPLETE");
        let back = aws::server("lived", "1.0.0").await.unwrap();
        assert_eq!(aws::text(&back, "server_name"), "Changed");
        assert_eq!(entry("lived", "1.0.0").await, is("active", "nod"));

        // Another version takes its place, and a failed one does not.
        let (outcome, _) = change("UpdateStack", &stack, &teams::template("lived-next-version").await).await;
        assert_eq!(outcome, "UPDATE_COMPLETE", "{}", events(&stack).await);
        assert_eq!(entry("lived", "2.0.0").await, is("active", "nod"));
        becomes("lived", "1.0.0", "decommissioned").await;
        let (outcome, _) = change("UpdateStack", &stack, &teams::template("lived-next-broken").await).await;
        assert_eq!(outcome, "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(entry("lived", "2.0.0").await, is("active", "nod"));
        eventually("the failed version to be out of service", || async {
            let failed = entry("lived", "3.0.0").await;
            failed.is_none_or(|(status, _)| status != "active").then_some(())
        })
        .await;
        assert_eq!(called("lived", "nod").await["message"], "called nod");

        // Nobody else gets it, and whoever tries leaves nothing and harms nothing.
        let thief = unique("thief");
        let (outcome, _) = change("CreateStack", &thief, &teams::template("lived-changed").await).await;
        assert_ne!(outcome, "CREATE_COMPLETE");
        let said = events(&thief).await;
        assert!(said.contains("The server id lived belongs to"), "{said}");
        delete(&thief).await;
        assert_eq!(entry("lived", "2.0.0").await, is("active", "nod"));
        assert_eq!(entry("lived", "1.0.0").await.unwrap().0, "decommissioned");

        delete(&stack).await;
        becomes("lived", "2.0.0", "decommissioned").await;
    });
}

#[test]
fn requests_to_a_function_url_are_signed_under_the_role_that_was_made_for_it() {
    run(async {
        let stack = unique("signed");
        let (outcome, _) = change("CreateStack", &stack, &teams::template("signed").await).await;
        assert_eq!(outcome, "CREATE_COMPLETE", "{}", events(&stack).await);
        let registered = aws::server("signed", "1.0.0").await.unwrap();
        let url = aws::text(&registered, "endpoint_url");
        assert!(url.contains(".lambda-url.us-east-1.on.aws"), "{url}");
        assert_eq!(called("signed", "wave").await["message"], "called wave");
        let runtime = AgentRuntime::start(|answers| match answers {
            [] => Next::Call("wave", json!({})),
            [.., answer] => Next::Reply(answer["message"].to_string()),
        })
        .await;
        assert_eq!(runtime.say("samples", "Greet me.").await, "\"called wave\"");

        // The others that ask servers sign under it too.
        let path = "servers/signed/versions/1.0.0/test";
        let tested = registry().await.send(Method::POST, path, &[], "".into()).await.unwrap();
        let tested: Value = tested.json().await.unwrap();
        assert_eq!((&tested["ok"], &tested["mcp_version"]), (&json!(true), &json!("2025-11-25")), "{tested}");
        assert!(aws::invoke("health_checker", &json!({})).await.unwrap()["checked"].is_u64());
        eventually("the server to be found healthy", || async {
            (aws::text(&aws::health("signed", "1.0.0").await?, "condition") == "healthy").then_some(())
        })
        .await;

        // Without a signature nobody gets in.
        let host = url.trim_start_matches("https://").trim_end_matches('/');
        let here = crate::support::stack().await.aws_url();
        let unsigned = reqwest::Client::new().post(here).header("host", host).body("{}").send().await.unwrap();
        assert_eq!(unsigned.status(), 403);
        delete(&stack).await;
        becomes("signed", "1.0.0", "decommissioned").await;
    });
}

#[test]
fn a_create_that_fails_leaves_neither_an_entry_in_service_nor_a_key() {
    run(async {
        let stack = unique("stillborn");
        let (outcome, _) = change("CreateStack", &stack, &teams::template("stillborn").await).await;
        assert!(outcome.contains("ROLLBACK") || outcome == "CREATE_FAILED", "{outcome}");
        let said = events(&stack).await;
        assert!(said.contains("Not Valid"), "{said}");
        eventually("the server to be out of service", || async {
            entry("stillborn", "1.0.0").await.is_none_or(|(status, _)| status != "active").then_some(())
        })
        .await;
        eventually("the key to be gone", || async {
            (!aws::has_secret("switchyard/local/mcp/stillborn/api_key").await).then_some(())
        })
        .await;
        delete(&stack).await;
    });
}
