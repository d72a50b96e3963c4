use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::*;
use crate::test_support::{STAGE, sdk_config};

const OLD: &str = "old-token-of-32-characters-or-more";
const NEW: &str = "new-token-of-32-characters-or-more";
const OTHER: &str = "other-token-of-32-characters-or-more";

fn entry(name: &str, token: &str) -> Value {
    json!({ "name": name, "owner": format!("{name}-team"), "sha256": hex::encode(Sha256::digest(token)) })
}

fn list(entries: &[Value]) -> String {
    json!({ "tokens": entries }).to_string()
}

/// Secrets Manager with this secret, until the next call.
async fn hold(manager: &MockServer, secret: &str) {
    manager.reset().await;
    let answer = json!({ "Name": "switchyard/test/registration_tokens", "SecretString": secret });
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(manager).await;
}

/// The tokens of a list, which is read again for each unknown one.
async fn tokens(secret: &str) -> (MockServer, Tokens) {
    let manager = MockServer::start().await;
    hold(&manager, secret).await;
    let tokens = Tokens { pause: Duration::ZERO, ..Tokens::new(&sdk_config(&manager.uri()), STAGE) };
    (manager, tokens)
}

async fn reads(manager: &MockServer) -> usize {
    manager.received_requests().await.unwrap().len()
}

async fn name(tokens: &Tokens, token: &str) -> Option<String> {
    match tokens.holder(Some(token.as_bytes())).await {
        Ok(holder) => Some(holder.name),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Unauthorized, "{error}");
            None
        }
    }
}

#[tokio::test]
async fn a_token_is_known_by_its_digest_wherever_it_stands() {
    let (manager, tokens) = tokens(&list(&[entry("a", OLD), entry("b", NEW), entry("c", OTHER)])).await;
    for (token, holder) in [(OLD, "a"), (NEW, "b"), (OTHER, "c")] {
        let found = tokens.holder(Some(token.as_bytes())).await.unwrap();
        assert_eq!(found, Holder { name: holder.to_owned(), owner: format!("token:{holder}-team") });
    }
    assert_eq!(reads(&manager).await, 1);
    let request = manager.received_requests().await.unwrap().remove(0);
    let asked: Value = request.body_json().unwrap();
    assert_eq!(asked["SecretId"], "switchyard/test/registration_tokens");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_is_told_in_the_same_words() {
    let digest = hex::encode(Sha256::digest(OLD));
    let (_manager, tokens) = tokens(&list(&[entry("a", OLD), entry("weak", "short")])).await;
    let missing = tokens.holder(None).await.unwrap_err().to_string();
    for wrong in ["", "short", "x", &digest, &OLD.to_uppercase(), &format!("{OLD} "), &"x".repeat(10_000)] {
        let error = tokens.holder(Some(wrong.as_bytes())).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Unauthorized, &*missing), "{wrong}");
    }
}

#[tokio::test]
async fn a_token_is_replaced_without_a_gap() {
    let (manager, tokens) = tokens(&list(&[entry("ci", OLD)])).await;
    assert_eq!((name(&tokens, OLD).await.as_deref(), name(&tokens, NEW).await), (Some("ci"), None));
    hold(&manager, &list(&[entry("ci", OLD), entry("ci", NEW)])).await;
    assert_eq!(name(&tokens, NEW).await.as_deref(), Some("ci"));
    assert_eq!(name(&tokens, OLD).await.as_deref(), Some("ci"));
    hold(&manager, &list(&[entry("ci", NEW)])).await;
    // An unknown token has the list read; so it does not take until the list is too old.
    assert_eq!(name(&tokens, OTHER).await, None);
    assert_eq!((name(&tokens, OLD).await, name(&tokens, NEW).await.as_deref()), (None, Some("ci")));
}

#[tokio::test]
async fn guessing_reads_the_list_once() {
    let (manager, tokens) = tokens(&list(&[entry("ci", OLD)])).await;
    let tokens = Tokens { pause: PAUSE, ..tokens };
    for guess in 0..50 {
        assert_eq!(name(&tokens, &format!("a-guess-of-32-characters-or-more-{guess}")).await, None);
    }
    assert_eq!(name(&tokens, OLD).await.as_deref(), Some("ci"));
    assert_eq!(reads(&manager).await, 1);
}

#[tokio::test]
async fn a_list_that_cannot_be_used_is_our_fault_and_not_repeated() {
    let secret = "0123456789abcdef".repeat(4);
    let bad = json!({ "name": "ci", "owner": "team", "sha256": secret });
    let with = |field: &str, value: Value| {
        let mut entry = bad.clone();
        entry[field] = value;
        list(&[entry])
    };
    for list in [
        "",
        &secret,
        &format!("{{\"tokens\":[{{\"sha256\":\"{secret}\"}}]}}"),
        &format!("{{\"tokens\":\"{secret}\"}}"),
        &json!({ "tokens": [], "more": secret }).to_string(),
        &json!([bad]).to_string(),
        &with("sha256", json!(format!("{secret}0"))),
        &with("sha256", json!(7)),
        &with("name", json!("")),
        &with("name", json!(format!("{secret}0"))),
        &with("owner", json!("a#b")),
        &with("owner", json!("a/b")),
        &with("expires", json!(secret)),
        &list(&[bad.clone(), bad.clone()]),
        &list(&(0..=MOST).map(|n| entry("ci", &n.to_string())).collect::<Vec<_>>()),
    ] {
        let (manager, tokens) = tokens(list).await;
        let tokens = Tokens { pause: PAUSE, ..tokens };
        for _ in 0..3 {
            let error = tokens.holder(Some(OLD.as_bytes())).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Internal, "{list}");
            let said = format!("{error} {}", error.causes());
            assert!(said.contains("switchyard/test/registration_tokens") && !said.contains("0123456789"), "{said}");
        }
        assert_eq!(reads(&manager).await, 1, "a list that cannot be used is not read for every request");
    }
}

#[tokio::test]
async fn an_empty_list_lets_nobody_in() {
    let (_manager, tokens) = tokens(&list(&[])).await;
    assert_eq!(name(&tokens, OLD).await, None);
}

#[tokio::test]
async fn a_missing_secret_is_our_fault_and_a_failed_read_is_tried_again() {
    let manager = MockServer::start().await;
    let tokens = Tokens::new(&sdk_config(&manager.uri()), STAGE);
    let refuse = |status, kind| ResponseTemplate::new(status).set_body_json(json!({ "__type": kind, "message": "no" }));
    Mock::given(method("POST")).respond_with(refuse(400, "AccessDeniedException")).mount(&manager).await;
    assert_eq!(tokens.holder(Some(OLD.as_bytes())).await.unwrap_err().kind(), Kind::Dependency);
    manager.reset().await;
    Mock::given(method("POST")).respond_with(refuse(400, "ResourceNotFoundException")).mount(&manager).await;
    let error = tokens.holder(Some(OLD.as_bytes())).await.unwrap_err();
    assert_eq!((error.kind(), error.causes().contains("does not exist")), (Kind::Internal, true));
}

#[test]
fn every_digest_is_looked_at_and_the_place_does_not_matter() {
    let tokens: Vec<Token> = (0..200_u8)
        .map(|number| Token {
            digest: [number; 32],
            holder: Holder { name: number.to_string(), owner: "token:x".to_owned() },
        })
        .collect();
    for number in [0, 1, 100, 199] {
        assert_eq!(find(&tokens, &[number; 32]).unwrap().name, number.to_string());
    }
    assert_eq!(find(&tokens, &[200; 32]), None);
    assert_eq!(find(&[], &[0; 32]), None);
    for bit in 0..256 {
        let mut nearly = [7; 32];
        nearly[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(find(&tokens, &nearly).map(|holder| holder.name).as_deref(), Some("7"));
    }
}
