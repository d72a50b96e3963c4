//! Notices to the people who approve servers and answer for them, through an SNS topic.
//!
//! A notice tells of something that has happened already. So one that cannot be sent is logged and changes nothing; what waits
//! for approval can also be seen in the registry.

use std::time::Duration;

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_sdk_sns::Client;

use crate::{
    error::shorten,
    registry::{Held, Server, Source},
};

/// How long the sending of a notice may take: the change it tells of is made, and its caller waits.
const TIME: Duration = Duration::from_secs(3);

/// Longest subject, in characters. Source: Amazon SNS API reference, `Publish`, `Subject`.
const MAX_SUBJECT: usize = 99;

/// Sends notices, or only logs them where there is no topic.
#[derive(Debug, Clone)]
pub struct Notices {
    to: Option<(Client, String)>,
}

/// What happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened, in a few words.
    pub subject: String,
    /// What happened, who did it, what to do: lines of plain text.
    pub text: String,
}

impl Notice {
    /// A new entry waits for approval. The words of whoever registered it are told shortened and on one line.
    pub fn waiting(entry: &Server) -> Self {
        let Server { owner, created_by, protocol_type, authentication_type, .. } = entry;
        let id = entry.id();
        let tools: Vec<_> = entry.available_tools.iter().map(|tool| tool.name.as_str()).collect();
        let lines = [
            format!("The MCP server {id} was registered and waits for approval. Nobody calls it until then."),
            String::new(),
            format!("Name: {}", shorten(&entry.server_name, 128)),
            format!("Endpoint: {}", shorten(&entry.endpoint_url, 300)),
            format!("Protocol: {protocol_type}, authentication: {authentication_type}"),
            format!("Tools: {}", shorten(&tools.join(", "), 500)),
            format!("Owner: {owner}, registered by: {created_by}"),
            String::new(),
            format!("Look at it: switchyard servers show {id}"),
            format!("Approve it: switchyard servers approve {id}"),
            format!("Refuse it:  switchyard servers reject {id} --reason \"...\""),
        ];
        Self { subject: format!("{id} waits for approval"), text: lines.join("\n") }
    }

    /// A changed definition of `entry` waits for approval.
    pub fn held(entry: &Server, held: &Held) -> Self {
        let id = entry.id();
        let how = match held.source {
            Source::Patch => "was changed through the admin API",
            Source::Refresh => "is another by the server's own word",
            Source::Registration => "was registered anew by its owner",
        };
        let lines = [
            format!("The definition of the MCP server {id} {how}. The approved one serves on until somebody decides."),
            String::new(),
            format!("Changed: {}", held.changed.join(", ")),
            format!("Proposed by: {}", shorten(&held.proposed_by, 300)),
            String::new(),
            format!("Look at it: switchyard servers held {id}"),
            format!("Approve it: switchyard servers approve {id}"),
            format!("Refuse it:  switchyard servers reject {id} --reason \"...\""),
        ];
        Self { subject: format!("A changed definition of {id} waits for approval"), text: lines.join("\n") }
    }

    /// Somebody decided about `entry`, which is shown as it is then. `what` completes "The MCP server x was …".
    pub fn decided(entry: &Server, what: &str, who: &str, reason: Option<&str>) -> Self {
        let id = entry.id();
        let mut lines = vec![
            format!("The MCP server {id} was {what}. Its status is {} now.", entry.status),
            String::new(),
            format!("By: {who}"),
        ];
        lines.extend(reason.map(|reason| format!("Reason: {}", shorten(reason, 1000))));
        lines.extend([String::new(), format!("Who changed what: switchyard servers audit {id}")]);
        Self { subject: format!("{id} was {what}"), text: lines.join("\n") }
    }
}

impl Notices {
    /// Notices to the topic with this ARN.
    pub fn new(config: &SdkConfig, topic: Option<&str>) -> Self {
        let to = topic.map(|topic| {
            let patience = TimeoutConfig::builder().operation_timeout(TIME).build();
            let config = aws_sdk_sns::config::Builder::from(config).timeout_config(patience).build();
            (Client::from_conf(config), topic.to_owned())
        });
        Self { to }
    }

    /// Sends a notice.
    pub async fn send(&self, notice: &Notice) {
        let Some((client, topic)) = &self.to else {
            tracing::info!(subject = notice.subject, "no topic for notices");
            return;
        };
        let sent =
            client.publish().topic_arn(topic).subject(subject(&notice.subject)).message(&notice.text).send().await;
        match sent {
            Ok(_) => tracing::info!(subject = notice.subject, "notice sent"),
            Err(error) => {
                let causes = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(subject = notice.subject, %error, causes, "notice not sent");
            }
        }
    }
}

/// SNS takes ASCII without line breaks, beginning with a letter, a digit or punctuation.
fn subject(text: &str) -> String {
    let ascii: String = text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    shorten(ascii.trim(), MAX_SUBJECT).replace('…', "~")
}
