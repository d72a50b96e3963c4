//! Stacks of other teams, by CloudFormation's API.

use super::{
    aws::{element, query},
    eventually,
};

const VERSION: (&str, &str) = ("Version", "2010-05-15");
/// A team's stack may make roles.
const CAPABILITIES: (&str, &str) = ("Capabilities.member.1", "CAPABILITY_NAMED_IAM");

/// Does something with a stack and waits for its end; returns the last status and its reason.
pub(crate) async fn change(action: &str, stack: &str, template: &str) -> (String, String) {
    let what = [("Action", action), ("StackName", stack), ("TemplateBody", template), CAPABILITIES, VERSION];
    let (status, xml) = query("cloudformation", &what).await;
    assert_eq!(status, 200, "{xml}");
    settled(stack).await
}

async fn settled(stack: &str) -> (String, String) {
    eventually(&format!("stack {stack} to settle"), || async move {
        let (_, xml) = query("cloudformation", &[("Action", "DescribeStacks"), ("StackName", stack), VERSION]).await;
        let status = element(&xml, "StackStatus").to_owned();
        (!status.ends_with("IN_PROGRESS")).then_some((status, xml))
    })
    .await
}

/// Deletes a stack, without waiting for its end.
pub(crate) async fn delete(stack: &str) {
    let (status, xml) = query("cloudformation", &[("Action", "DeleteStack"), ("StackName", stack), VERSION]).await;
    assert_eq!(status, 200, "{xml}");
}

/// What happened to a stack, as XML.
pub(crate) async fn events(stack: &str) -> String {
    query("cloudformation", &[("Action", "DescribeStackEvents"), ("StackName", stack), VERSION]).await.1
}
