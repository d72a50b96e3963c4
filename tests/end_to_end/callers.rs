//! Who may continue whose conversation.

use aws_credential_types::Credentials;
use local::chat_client::ChatClient;

use crate::support::{
    aws::{element, query},
    execution_ids, gitlab, owner, run, unique,
};

/// A client for a new IAM user.
async fn user(name: &str) -> ChatClient {
    let version = ("Version", "2010-05-08");
    let (status, xml) = query("iam", &[("Action", "CreateUser"), ("UserName", name), version]).await;
    assert_eq!(status, 200, "{xml}");
    let (status, xml) = query("iam", &[("Action", "CreateAccessKey"), ("UserName", name), version]).await;
    assert_eq!(status, 200, "{xml}");
    let (key, secret) = (element(&xml, "AccessKeyId"), element(&xml, "SecretAccessKey"));
    owner().await.with_credentials(Credentials::new(key, secret, None, None, "test"))
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
