//! Many items of a DynamoDB table at once.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    error::{Result, internal, throttled},
    sdk::table_failed,
};

/// An item, or its key.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Most keys of one request. Source: DynamoDB API reference, BatchGetItem.
const MOST: usize = 100;

/// How many requests are under way at once.
const AT_ONCE: usize = 4;

/// How often the rest of a request is asked for that DynamoDB left out.
const ATTEMPTS: u32 = 6;

/// First wait before that; it doubles.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The table.
    pub(crate) table: &'a str,
    /// What people call it.
    pub(crate) title: &'a str,
    /// The attributes that are wanted, all if there are none.
    pub(crate) attributes: &'a [&'a str],
    /// Whether what was written just before has to be seen; that costs twice as much.
    pub(crate) consistent: bool,
}

/// The items with these keys, in any order, each at most once; those that are not there are left out.
///
/// # Errors
/// The table cannot be read, or is too busy for all of them.
pub(crate) async fn get(client: &Client, source: Source<'_>, keys: Vec<Item>) -> Result<Vec<Item>> {
    let chunks: Vec<Vec<Item>> = keys.chunks(MOST).map(<[Item]>::to_vec).collect();
    let items = stream::iter(chunks).map(|keys| chunk(client, source, keys)).buffer_unordered(AT_ONCE);
    items.try_concat().await
}

async fn chunk(client: &Client, source: Source<'_>, keys: Vec<Item>) -> Result<Vec<Item>> {
    let (mut items, mut rest) = (Vec::with_capacity(keys.len()), request(source, keys)?);
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(BACK_OFF * 2_u32.pow(attempt - 1)).await;
        }
        let answer = client.batch_get_item().request_items(source.table, rest).send().await;
        let answer = answer.map_err(|e| table_failed(source.title, "read", e))?;
        items.extend(answer.responses.unwrap_or_default().remove(source.table).unwrap_or_default());
        match answer.unprocessed_keys.unwrap_or_default().remove(source.table) {
            None => return Ok(items),
            Some(left) => rest = left,
        }
    }
    Err(throttled(format!("The {} is busy. Try again in a few seconds.", source.title), Duration::from_secs(2)))
}

fn request(source: Source<'_>, keys: Vec<Item>) -> Result<KeysAndAttributes> {
    let mut request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(source.consistent);
    // Placeholders for all of them: several are reserved words.
    for (index, name) in source.attributes.iter().enumerate() {
        request = request.expression_attribute_names(format!("#a{index}"), *name);
    }
    if !source.attributes.is_empty() {
        let names: Vec<_> = (0..source.attributes.len()).map(|index| format!("#a{index}")).collect();
        request = request.projection_expression(names.join(", "));
    }
    request.build().map_err(|e| internal("A request to DynamoDB is incomplete.").with_source(e))
}
