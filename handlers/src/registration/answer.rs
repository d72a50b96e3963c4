//! The answer to CloudFormation: a PUT to the presigned URL of the event.

use std::time::Duration;

use reqwest::{Client, redirect};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::{Host, Url};

use super::event::{Request, RequestType};
use crate::error::{Result, dependency, internal, refused, shorten};

/// Largest answer that CloudFormation reads, in bytes.
/// Source: AWS CloudFormation user guide, "Custom resource response objects".
const MAX_ANSWER: usize = 4096;

/// Longest physical id, in bytes. Same source.
const MAX_PHYSICAL_ID: usize = 1024;

/// Attempts to deliver an answer, the time one may take, and the pause after the first, which doubles. Two attempts that
/// hang leave time for a third; all of them end at the deadline.
const ATTEMPTS: u32 = 4;
const ATTEMPT_TIME: Duration = Duration::from_millis(2500);
const PAUSE: Duration = Duration::from_millis(300);

/// An answer, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Answer(Value);

impl Answer {
    /// `SUCCESS` with what `Fn::GetAtt` can read.
    pub(super) fn success(request: &Request, physical_id: &str, data: &Map<String, Value>) -> Self {
        let mut answer = Self::new(request, "SUCCESS", physical_id);
        answer.set("Data", Value::Object(data.clone()));
        answer
    }

    /// `FAILED` with the reason, shortened so that the answer is not too large.
    pub(super) fn failure(request: &Request, reason: &str) -> Self {
        // A failed update must keep the old id, or CloudFormation would delete the old entry. A failed create names what it
        // wanted, so that the delete that follows cleans up whatever a timeout left half done; it touches nobody else's.
        let kept = request.physical_id.clone().filter(|_| request.request_type != RequestType::Create);
        let id = kept.or_else(|| request.wanted_id()).unwrap_or_default();
        let mut answer = Self::new(request, "FAILED", &id);
        let mut reason = shorten(reason, MAX_ANSWER);
        answer.set("Reason", Value::String(reason.clone()));
        while answer.body().len() > MAX_ANSWER && !reason.is_empty() {
            let keep = reason.chars().count() * 3 / 4;
            reason = reason.chars().take(keep).collect();
            answer.set("Reason", Value::String(format!("{reason} … (more in the log)")));
        }
        answer
    }

    fn new(request: &Request, status: &str, physical_id: &str) -> Self {
        // CloudFormation takes no answer without an id. Its request ids are UUIDs; a longer one would take the room of the rest.
        let made_up = &request.request_id[..request.request_id.floor_char_boundary(36)];
        let made_up = format!("not-registered-{made_up}");
        let physical_id = if physical_id.is_empty() { &made_up } else { physical_id };
        let physical_id = &physical_id[..physical_id.floor_char_boundary(MAX_PHYSICAL_ID)];
        Self(json!({
            "Status": status,
            "PhysicalResourceId": physical_id,
            "StackId": request.stack_id,
            "RequestId": request.request_id,
            "LogicalResourceId": request.logical_id,
        }))
    }

    fn set(&mut self, name: &str, value: Value) {
        if let Some(fields) = self.0.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    }

    /// The document as it is sent.
    pub(super) fn body(&self) -> String {
        self.0.to_string()
    }

    /// `SUCCESS` or `FAILED`.
    pub(super) fn status(&self) -> &Value {
        &self.0["Status"]
    }

    /// The physical id in the answer.
    pub(super) fn physical_id(&self) -> &Value {
        &self.0["PhysicalResourceId"]
    }
}

/// Delivers answers, and only to CloudFormation.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    client: Client,
    /// The emulator on the local stage.
    local: Option<Url>,
}

/// Where one answer goes.
pub(super) struct Letter<'a> {
    client: &'a Client,
    url: Url,
}

impl Mailbox {
    /// A mailbox; `local` is the address of the emulator on the local stage.
    ///
    /// # Errors
    /// `local` is not a URL, or no TLS configuration can be made on this machine.
    pub(super) fn new(local: Option<&str>) -> Result<Self> {
        let local = local
            .map(|text| {
                Url::parse(text).map_err(|e| internal(format!("AWS_ENDPOINT_URL {text} is not a URL")).with_source(e))
            })
            .transpose()?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| internal("TLS does not work on this machine").with_source(e))?;
        Ok(Self { client, local })
    }

    /// Prepares the answer to `response_url`; `region` is the one of this function, and so that of the stack.
    ///
    /// # Errors
    /// The URL is not one that CloudFormation hands out.
    pub(super) fn letter(&self, response_url: &str, region: &str) -> Result<Letter<'_>> {
        let refuse = || {
            // The rest of the URL is a credential.
            let host =
                Url::parse(response_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
            refused(format!(
                "ResponseURL does not lead to CloudFormation (host \"{host}\"); the event is not answered."
            ))
        };
        let url = Url::parse(response_url).map_err(|_| refuse())?;
        if is_cloudformation(&url, region) || self.local.as_ref().is_some_and(|local| same_place(&url, local)) {
            Ok(Letter { client: &self.client, url })
        } else {
            Err(refuse())
        }
    }
}

/// Whether a URL leads to CloudFormation's own bucket of the region, such as
/// `https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/…`. Names of buckets are global and anybody may
/// take one, so the name has to be exactly this one.
/// Source: AWS CloudFormation user guide, "Setting up VPC endpoints for CloudFormation" (the buckets that custom resources need).
fn is_cloudformation(url: &Url, region: &str) -> bool {
    let Some(host) = url.host_str() else { return false };
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let bucket = format!("cloudformation-custom-resource-response-{}", region.replace('-', ""));
    let endpoints = ["s3".to_owned(), format!("s3.{region}"), format!("s3-{region}"), format!("s3.dualstack.{region}")];
    url.scheme() == "https"
        && url.port().is_none()
        && endpoints.iter().any(|endpoint| host == format!("{bucket}.{endpoint}.{domain}"))
}

/// Whether two URLs name the same server; all names of the loopback interface are one.
fn same_place(url: &Url, local: &Url) -> bool {
    let is_loopback = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == local.scheme()
        && url.port_or_known_default() == local.port_or_known_default()
        && (url.host() == local.host() || (is_loopback(url) && is_loopback(local)))
}

impl Letter<'_> {
    /// Delivers the answer, with retries while there is time.
    ///
    /// # Errors
    /// It could not be delivered.
    pub(super) async fn send(&self, answer: &Answer, deadline: Instant) -> Result<()> {
        let body = answer.body();
        let mut reason = "there was no time left".to_owned();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep_until(deadline.min(Instant::now() + PAUSE * 2_u32.pow(attempt - 1))).await;
            }
            let time = ATTEMPT_TIME.min(deadline.saturating_duration_since(Instant::now()));
            if time.is_zero() {
                break;
            }
            // No content type: the URL is signed without one.
            match self.client.put(self.url.clone()).timeout(time).body(body.clone()).send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => reason = format!("HTTP {}", response.status().as_u16()),
                Err(error) => reason = error.without_url().to_string(),
            }
        }
        Err(dependency(format!("CloudFormation could not be answered: {reason}.")))
    }
}
