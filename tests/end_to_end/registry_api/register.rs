//! Servers register themselves with a token, as the guide's script does.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Response, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::{Mutex, OnceCell},
    task::JoinSet,
};

use crate::support::{assert_problem, aws, cloudformation, eventually, run, stack, unique};

const SECRET: &str = "switchyard/local/registration_tokens";

/// A token for each test: they have counts of their own.
const OWNERS: [&str; 6] = ["guide-team", "other-team", "doors-team", "race-team", "limit-team", "stack-team"];

/// Held by whoever changes the secret.
static CHANGES: Mutex<()> = Mutex::const_new(());
static TOKENS: OnceCell<()> = OnceCell::const_new();

/// How long a function may not know a new token: it does not read the list again sooner.
const UNKNOWN: Duration = Duration::from_secs(11);

/// A body as the guide's script sends it.
fn guide(name: &str) -> Value {
    json!({
        "server_name": name,
        "description": "Provides specialized tools for X",
        "endpoint_url": "https://my-server.example.com/mcp",
        "protocol_type": "jsonrpc",
        "authentication_type": "none",
        "available_tools": [{
            "name": "custom_tool",
            "description": "Does something custom",
            "inputSchema": { "type": "object", "properties": { "input": { "type": "string" } }, "required": ["input"] },
        }],
        "health_check_url": "https://my-server.example.com/health",
        "metadata": { "team": "platform-team", "cost_center": "12345" },
    })
}

fn token_of(owner: &str, generation: u32) -> String {
    hex::encode(Sha256::digest(format!("{owner} {generation}")))
}

fn entry(owner: &str, generation: u32) -> Value {
    json!({ "name": owner, "owner": owner, "sha256": hex::encode(Sha256::digest(token_of(owner, generation))) })
}

/// Changes the entries of one owner in the list of tokens.
async fn set_tokens(owner: &str, generations: &[u32]) {
    let _held = CHANGES.lock().await;
    let mut list: Value = serde_json::from_str(&aws::secret(SECRET).await).unwrap();
    let tokens = list["tokens"].as_array_mut().unwrap();
    tokens.retain(|token| token["owner"] != owner);
    tokens.extend(generations.iter().map(|generation| entry(owner, *generation)));
    aws::set_secret(SECRET, &list.to_string()).await;
}

/// A token that works.
async fn token(owner: &str) -> String {
    TOKENS
        .get_or_init(|| async {
            for owner in OWNERS {
                set_tokens(owner, &[1]).await;
            }
            tokio::time::sleep(UNKNOWN).await;
        })
        .await;
    assert!(OWNERS.contains(&owner));
    token_of(owner, 1)
}

async fn send(token: &str, content_type: &str, body: String) -> (u16, HeaderMap, Value) {
    let url = stack().await.registry_url().join("mcp/register").unwrap();
    let request = Client::new().post(url).header("x-registration-token", token).header("content-type", content_type);
    let answer: Response = request.body(body).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body: Value = answer.json().await.unwrap();
    if status >= 400 {
        assert_problem(&body, status);
    }
    (status, headers, body)
}

async fn register(token: &str, body: &Value) -> (u16, Value) {
    let (status, _, answer) = send(token, "application/json", body.to_string()).await;
    (status, answer)
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect()
}

#[test]
fn the_guides_server_registers_itself_and_waits() {
    run(async {
        let token = token("guide-team").await;
        let name = unique("My Custom MCP Server");
        let body = guide(&name);
        let (status, headers, answer) = send(&token, "application/json", body.to_string()).await;
        assert_eq!(status, 201, "{answer}");
        let server_id = answer["server_id"].as_str().unwrap();
        assert!(server_id.starts_with("my-custom-mcp-server-"), "{answer}");
        assert_eq!((&answer["version"], &answer["status"]), (&json!("1.0.0"), &json!("pending")));
        assert_eq!(headers["location"], format!("../servers/{server_id}/versions/1.0.0"));
        // By the attribute names of the guide.
        let item = aws::server(server_id, "1.0.0").await.unwrap();
        for (attribute, value) in [
            ("server_name", name.as_str()),
            ("endpoint_url", "https://my-server.example.com/mcp"),
            ("protocol_type", "jsonrpc"),
            ("authentication_type", "none"),
            ("status", "pending"),
            ("health_check_url", "https://my-server.example.com/health"),
            ("owner", "token:guide-team"),
        ] {
            assert_eq!(aws::text(&item, attribute), value);
        }
        assert_eq!(item["metadata"].as_m().unwrap()["cost_center"].as_s().unwrap(), "12345");
        assert_eq!(item["available_tools"].as_l().unwrap().len(), 1);

        let (status, again) = register(&token, &body).await;
        assert_eq!((status, &again["server_id"], &again["version"]), (200, &json!(server_id), &json!("1.0.0")));
        let mut other = body.clone();
        other["description"] = json!("Provides more");
        let (status, next) = register(&token, &other).await;
        assert_eq!((status, &next["server_id"], &next["version"]), (201, &json!(server_id), &json!("1.0.1")));
        other["server_id"] = json!(server_id);
        other["version"] = json!("1.0.0");
        let (status, conflict) = register(&token, &other).await;
        assert_eq!((status, pointers(&conflict)), (409, vec!["/description"]));

        // The same name at another team is another server.
        let (status, theirs) = register(&self::token("other-team").await, &body).await;
        assert_eq!(status, 201, "{theirs}");
        assert_ne!(theirs["server_id"], server_id);
        let mut taken = body.clone();
        taken["server_id"] = json!(server_id);
        let (status, refusal) = register(&self::token("other-team").await, &taken).await;
        assert_eq!(status, 403, "{refusal}");
    });
}

#[test]
fn each_door_answers_with_its_status() {
    run(async {
        let token = token("doors-team").await;
        let good = guide(&unique("doors")).to_string();
        let nobody = "a-token-that-nobody-has-given-to-anybody";
        for (given, content_type, body, status) in [
            ("", "application/json", good.clone(), 401),
            (nobody, "application/json", good.clone(), 401),
            (&*token, "text/plain", good.clone(), 415),
            (&*token, "application/json", " ".repeat(600 * 1024), 413),
            (&*token, "application/json", "{".to_owned(), 400),
            (&*token, "application/json", "[]".to_owned(), 400),
        ] {
            let (answered, _, body) = send(given, content_type, body).await;
            assert_eq!(answered, status, "{body}");
        }
        let mut wrong = guide("wrong");
        wrong["endpoint_url"] = json!("http://my-server.example.com/mcp");
        wrong["server_id"] = json!("Not An Id");
        wrong["available_tools"][0]["inputSchema"]["properties"]["input"]["type"] = json!("strnig");
        wrong["colour"] = json!("red");
        let (status, problem) = register(&token, &wrong).await;
        assert_eq!(status, 400);
        let mut told = pointers(&problem);
        told.sort_unstable();
        assert_eq!(
            told,
            ["/available_tools/0/inputSchema/properties/input/type", "/colour", "/endpoint_url", "/server_id",]
        );
        // A function of ours, its metadata address, and a server that has to be asked and is not there.
        for (endpoint, status) in [
            ("arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-mcp_proxy", 400),
            ("https://169.254.169.254/latest/meta-data", 400),
            ("https://no-such-host.invalid/mcp", 424),
        ] {
            let mut body = guide(&unique("doors"));
            body["endpoint_url"] = json!(endpoint);
            body["available_tools"] = Value::Null;
            let (answered, problem) = register(&token, &body).await;
            assert_eq!(answered, status, "{problem}");
        }
    });
}

#[test]
fn a_stack_and_a_token_cannot_have_each_others_servers() {
    run(async {
        let token = token("stack-team").await;
        let mut body = guide("Not theirs");
        body["server_id"] = json!("pipelines");
        let (status, problem) = register(&token, &body).await;
        assert_eq!(status, 403);
        assert!(problem["detail"].as_str().unwrap().contains("a CloudFormation stack"), "{problem}");

        let server_id = unique("ours");
        body["server_id"] = json!(server_id);
        assert_eq!(register(&token, &body).await.0, 201);
        let template = json!({ "Resources": { "Theirs": {
            "Type": "Custom::SwitchyardMcpServer",
            "Properties": {
                "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-registration",
                "ServerId": server_id,
                "ServerName": "Theirs",
                "Version": "2.0.0",
                "EndpointUrl": "arn:aws:lambda:us-east-1:000000000000:function:switchyard-local-pipelines",
            },
        } } });
        let team = unique("team");
        let (outcome, _) = cloudformation::change("CreateStack", &team, &template.to_string()).await;
        assert_ne!(outcome, "CREATE_COMPLETE");
        let said = cloudformation::events(&team).await;
        assert!(said.contains(&format!("The server id {server_id} belongs to")), "{said}");
        assert_eq!(aws::server(&server_id, "2.0.0").await, None);
    });
}

#[test]
fn of_fifty_equal_requests_at_once_one_is_new() {
    run(async {
        let token = token("race-team").await;
        let mut same = guide(&unique("raced"));
        let statuses = race(&token, (0..50).map(|_| same.clone())).await;
        assert_eq!(statuses, BTreeMap::from([(200, 49), (201, 1)]));

        same["server_id"] = json!(unique("raced"));
        same["version"] = json!("1.0.0");
        let others = (0..50).map(|number| {
            let mut body = same.clone();
            body["description"] = json!(number.to_string());
            body
        });
        let statuses = race(&token, others).await;
        assert_eq!(statuses.get(&201), Some(&1), "{statuses:?}");
        // Once there are too many in this hour, the rest is not even looked at.
        assert!(statuses.keys().all(|status| [201, 409, 429].contains(status)), "{statuses:?}");
        assert!(statuses.contains_key(&409), "{statuses:?}");
    });
}

async fn race(token: &str, bodies: impl Iterator<Item = Value>) -> BTreeMap<u16, usize> {
    let mut racers = JoinSet::new();
    for body in bodies {
        let token = token.to_owned();
        racers.spawn(async move { register(&token, &body).await.0 });
    }
    let mut statuses = BTreeMap::new();
    for status in racers.join_all().await {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

#[test]
fn after_ten_registrations_in_an_hour_a_token_has_to_wait() {
    run(async {
        let token = token("limit-team").await;
        let name = unique("limited");
        let body = |number: usize| guide(&format!("{name} {number}"));
        // A new hour may begin in between: then there is room for ten more.
        let mut registered = 0;
        let (last, headers) = loop {
            let (status, headers, answer) = send(&token, "application/json", body(registered).to_string()).await;
            if status == 429 {
                break (registered, headers);
            }
            assert_eq!(status, 201, "{answer}");
            registered += 1;
            assert!(registered <= 20, "the limit does not hold");
        };
        assert!(last >= 10, "{last}");
        let wait: u32 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        // What is registered is answered at any time.
        assert_eq!(register(&token, &body(0)).await.0, 200);
        let records =
            aws::dynamodb().await.scan().table_name("SwitchyardState-local").send().await.unwrap().items.unwrap();
        let counts: Vec<_> = records
            .iter()
            .filter(|item| aws::text(item, "pk").starts_with("registrations#limit-team#"))
            .map(|item| (item["contents"].as_ss().unwrap().len(), item["ttl"].as_n().unwrap().parse::<u64>().unwrap()))
            .collect();
        assert!(counts.iter().any(|(count, _)| *count == 10), "{counts:?}");
    });
}

#[test]
fn a_token_is_replaced_without_a_gap() {
    run(async {
        // What is refused with 400 shows that the token is taken.
        let is_known = async |token: &str| match send(token, "application/json", "{}".to_owned()).await.0 {
            400 => true,
            401 => false,
            other => panic!("{other}"),
        };
        let owner = unique("replaced");
        let [old, new] = [1, 2].map(|generation| token_of(&owner, generation));
        set_tokens(&owner, &[1]).await;
        tokio::time::sleep(UNKNOWN).await;
        assert!(is_known(&old).await);
        assert!(!is_known(&new).await);
        set_tokens(&owner, &[1, 2]).await;
        eventually("the second token to be known", || async {
            assert!(is_known(&old).await, "there is a gap");
            is_known(&new).await.then_some(())
        })
        .await;
        set_tokens(&owner, &[2]).await;
        eventually("the first token to be refused", || async {
            // Somebody with an unknown token has the list read again.
            is_known("a-token-that-nobody-has-given-to-anybody").await;
            (!is_known(&old).await).then_some(())
        })
        .await;
        // Each environment of the function reads the list for itself: another one than before may answer.
        eventually("the second token to be known everywhere", || async { is_known(&new).await.then_some(()) }).await;
    });
}
