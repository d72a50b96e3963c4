//! Notices to the people who approve servers and answer for them, through an SNS topic.
//!
//! A notice tells of something that has happened already. So one that cannot be sent is logged and changes nothing; what waits
//! for approval can also be seen in the registry.

use std::time::Duration;

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_sdk_sns::Client;

use crate::error::shorten;

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
