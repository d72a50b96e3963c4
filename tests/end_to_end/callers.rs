//! Who may continue whose conversation.

use aws_credential_types::Credentials;
use local::chat_client::ChatClient;
use serde_json::json;

use crate::support::{
    aws::{element, query},
    execution_ids, gitlab, owner, problem, run, stack, unique,
};

const IAM: (&str, &str) = ("Version", "2010-05-08");

/// Keys of a new IAM user, who may do nothing yet.
async fn new_user(name: &str) -> Credentials {
    let (status, xml) = query("iam", &[("Action", "CreateUser"), ("UserName", name), IAM]).await;
    assert_eq!(status, 200, "{xml}");
    let (status, xml) = query("iam", &[("Action", "CreateAccessKey"), ("UserName", name), IAM]).await;
    assert_eq!(status, 200, "{xml}");
    Credentials::new(element(&xml, "AccessKeyId"), element(&xml, "SecretAccessKey"), None, None, "test")
}

/// Allows a user to chat.
async fn allow(name: &str) {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": format!("arn:aws:execute-api:us-east-1:000000000000:{}/local/POST/chat", stack().await.output("ChatApiId").unwrap()),
        }],
    });
    let policy = policy.to_string();
    let put =
        [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "chat"), ("PolicyDocument", &policy), IAM];
    let (status, xml) = query("iam", &put).await;
    assert_eq!(status, 200, "{xml}");
}

/// A client for a new IAM user who may chat.
async fn user(name: &str) -> ChatClient {
    let credentials = new_user(name).await;
    allow(name).await;
    owner().await.with_credentials(credentials)
}

#[test]
fn whoever_may_not_chat_or_signs_wrongly_is_refused() {
    run(async {
        let name = unique("mallory");
        let credentials = new_user(&name).await;
        let mallory = owner().await.with_credentials(credentials.clone());
        let refusal = problem(mallory.ask("what is running in dev?", None, |_| {}).await);
        assert_eq!(refusal.status, 403, "{refusal:?}");

        allow(&name).await;
        mallory.ask("what is running in dev?", None, |_| {}).await.unwrap();
        let forged = Credentials::new(credentials.access_key_id(), "a guess", None, None, "test");
        let refusal =
            problem(owner().await.with_credentials(forged).ask("what is running in dev?", None, |_| {}).await);
        assert_eq!(refusal.status, 403, "{refusal:?}");
    });
}

#[test]
fn nobody_continues_somebody_elses_conversation() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let (alice, bob) = (user(&unique("alice")).await, user(&unique("bob")).await);
        let tenant = unique("secretive");
        // Alice leaves a question open; answering it would start what she wished for.
        let opened = alice.ask("Provision two t3.small in test", None, |_| {}).await.unwrap();
        assert!(opened.reply.to_lowercase().contains("tenant"), "{}", opened.reply);

        let intruder = bob.ask(&tenant, Some(&opened.session_id), |_| {}).await.unwrap();
        assert_eq!(execution_ids(&intruder.reply), Vec::<String>::new(), "{}", intruder.reply);
        assert!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.is_empty());

        let continued = alice.ask(&tenant, Some(&opened.session_id), |_| {}).await.unwrap();
        assert_eq!(execution_ids(&continued.reply).len(), 1, "{}", continued.reply);
        assert_eq!(gitlab::pipelines("platform/compute", &[("TENANT_ID", &tenant)]).await.len(), 1);
    });
}

#[test]
fn an_execution_carries_who_asked_for_it() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let name = unique("carol");
        let carol = user(&name).await;
        let tenant = unique("hooli");
        let answer = carol.ask(&format!("one t3.micro for tenant {tenant} in dev"), None, |_| {}).await.unwrap();
        let id = crate::support::execution_id(&answer.reply);
        let record = crate::support::aws::record(&id).await.unwrap();
        let requested_by = crate::support::aws::text(&record, "requested_by");
        assert!(requested_by.ends_with(&format!("user/{name}")), "{requested_by}");
    });
}
