//! How often somebody may register: a number of registrations in each hour of the clock, for each token and address.
//!
//! The record of an hour holds what was registered, as hashes of the contents; so content that is sent again, also many times at
//! once, counts once. A new hour is a new record; deletion by ttl only saves space.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata as _,
    types::AttributeValue::{N, S, Ss},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    error::{Result, internal, refused, throttled},
    sdk::table_failed,
};

const HOUR: i64 = 3600;

/// Counts registrations.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    client: Client,
    table: String,
    /// Registrations an hour.
    most: u32,
}

impl Limit {
    pub(super) fn new(client: Client, state_table: impl Into<String>, most: u32) -> Self {
        Self { client, table: state_table.into(), most }
    }

    /// Counts a registration of `content`, a hash, unless it is counted already.
    ///
    /// # Errors
    /// `Throttled` until the hour ends, if as many others were counted as there may be; `Refused` if there may be none; the table
    /// cannot be written.
    pub(super) async fn count(&self, token: &str, address: IpAddr, content: &str, now: Timestamp) -> Result<()> {
        if self.most == 0 {
            return Err(refused("Self-registration is switched off here (registrationLimit is 0)."));
        }
        let ends = (now.as_second() / HOUR + 1) * HOUR;
        let counted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", S(format!("registrations#{token}#{}", network(address))))
            .key("sk", S(now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H").to_string()))
            .update_expression("ADD contents :contents SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(pk) OR contains(contents, :content) OR size(contents) < :most")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":contents", Ss(vec![content.to_owned()]))
            .expression_attribute_values(":content", S(content.to_owned()))
            .expression_attribute_values(":most", N(self.most.to_string()))
            .expression_attribute_values(":ttl", N((ends + HOUR).to_string()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                let wait = u64::try_from(ends - now.as_second()).map_err(|_| internal("The clock runs backwards."))?;
                Err(throttled(
                    format!(
                        "This token has made {} registrations from this address since the hour began. Try again in {} \
                         minutes. What is registered already is answered at any time.",
                        self.most,
                        wait.div_ceil(60)
                    ),
                    Duration::from_secs(wait),
                ))
            }
            Err(error) => Err(table_failed("count of registrations", "written", error)),
        }
    }
}

/// The count of one token and address.
#[derive(Debug, Clone)]
pub(in crate::registry_api) struct Quota {
    pub(super) limit: Limit,
    /// Name of the token.
    pub(super) token: String,
    pub(super) address: IpAddr,
}

impl Quota {
    /// Counts a registration of `content`, a hash, as [`Limit::count`] does, now.
    pub(super) async fn count(&self, content: &str) -> Result<()> {
        self.limit.count(&self.token, self.address, content, Timestamp::now()).await
    }
}

/// Whom an address stands for: itself, or for IPv6 the network of 64 bits that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests;
