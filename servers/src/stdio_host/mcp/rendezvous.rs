//! How the answer to a question gets to the environment that waits for it.
//!
//! A client of an older version answers a request of the server by a message of its own, and Lambda hands that to any
//! environment but the one that waits: that one is busy with the call. So the waiting environment leaves an item in the state
//! table and looks at it now and then, and the environment that gets the answer writes it there, once.
//!
//! Key: `pk` = `rendezvous#{server_id}#{session}`, `sk` = id of the question; both parts are unguessable. Nothing is trusted to
//! have expired: the time in `ttl` is compared.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client, error::DisplayErrorContext, operation::update_item::UpdateItemError, types::AttributeValue,
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{sync::OnceCell, time::timeout};

use super::client::now;
use crate::stdio_host::{
    child::RpcError,
    host::{ClientRequests, Settings},
};

/// Longest wait for one request to the table; the SDK has no limit of its own for an answer.
const TABLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest answer, as JSON: an item of DynamoDB has at most 400 KB.
pub(super) const LONGEST_ANSWER: usize = 350 * 1024;

/// The meeting place.
#[derive(Debug)]
pub(super) struct Rendezvous {
    table: String,
    server_id: String,
    client: OnceCell<Client>,
}

/// What is found at a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// The client's answer.
    Answer(Result<Value, RpcError>),
    /// The client has cancelled the call that asks.
    Cancelled,
}

/// An answer that was not left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NotLeft {
    /// Nobody waits for it, or somebody has answered before.
    #[error("No request with this id waits for an answer.")]
    NobodyWaits,
    /// It does not fit into the table.
    #[error("The answer is longer than {} KB.", LONGEST_ANSWER / 1024)]
    TooLong,
    /// The table failed.
    #[error("The answer cannot be handed on now. Send it again.")]
    Table,
}

/// The state table did not do its part. What happened is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the state table cannot be used now")]
pub(super) struct TableFailed;

impl Rendezvous {
    /// The meeting place that the deployment offers, if it does. Connects to nothing.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let table = settings.env.state_table.clone()?;
        let server_id = settings.file.server_id.clone();
        let wanted = settings.file.client_requests == ClientRequests::Rendezvous;
        wanted.then(|| Self { table, server_id, client: OnceCell::new() })
    }

    /// One in a table of a test.
    #[cfg(test)]
    pub(super) fn with_client(table: &str, server_id: &str, client: Client) -> Self {
        Self { table: table.to_owned(), server_id: server_id.to_owned(), client: OnceCell::new_with(Some(client)) }
    }

    /// Opens a question of the call with this id of the client's. The SDK may send it twice: the second does what the first did.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn open(
        &self,
        session: &str,
        question: &str,
        call: &Value,
        until: u64,
    ) -> Result<(), TableFailed> {
        let mut put = self.client().await.put_item().table_name(&self.table);
        for (name, value) in self.key(session, question) {
            put = put.item(name, value);
        }
        let put = put
            .item("call", AttributeValue::S(call.to_string()))
            .item("ttl", AttributeValue::N(until.to_string()))
            .send();
        within("opened", put).await.map(drop)
    }

    /// Looks at a question.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn look(&self, session: &str, question: &str) -> Result<Found, TableFailed> {
        let get = self.client().await.get_item().table_name(&self.table).set_key(Some(self.key(session, question)));
        let item = within("looked at", get.consistent_read(true).send()).await?.item.unwrap_or_default();
        if item.contains_key("cancelled") {
            return Ok(Found::Cancelled);
        }
        let answer = item.get("answer").and_then(|answer| answer.as_s().ok());
        Ok(answer.and_then(|answer| read_answer(answer)).map_or(Found::Nothing, Found::Answer))
    }

    /// Leaves the answer to a question, if it waits for one.
    ///
    /// # Errors
    /// It does not, or the answer cannot be left.
    pub(super) async fn answer(
        &self,
        session: &str,
        question: &str,
        outcome: &Result<Value, RpcError>,
    ) -> Result<(), NotLeft> {
        let answer = match outcome {
            Ok(result) => json!({ "result": result }),
            Err(error) => json!({ "error": error }),
        }
        .to_string();
        if answer.len() > LONGEST_ANSWER {
            return Err(NotLeft::TooLong);
        }
        let update = self
            .client()
            .await
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(session, question)))
            .update_expression("SET answer = :answer")
            // The same answer may be written twice, so that the SDK may repeat the request.
            .condition_expression("#ttl > :now AND (attribute_not_exists(answer) OR answer = :answer)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":answer", AttributeValue::S(answer))
            .expression_attribute_values(":now", AttributeValue::N(now().to_string()))
            .send();
        let answered = timeout(TABLE_TIMEOUT, update).await;
        match answered {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_condition(error.as_service_error()) => Err(NotLeft::NobodyWaits),
            Ok(Err(error)) => {
                tracing::error!(error = %DisplayErrorContext(&error), "an answer cannot be left in the state table");
                Err(NotLeft::Table)
            }
            Err(_) => {
                tracing::error!("the state table did not answer in time");
                Err(NotLeft::Table)
            }
        }
    }

    /// Marks the open questions of a call as cancelled, and says how many there were.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn cancel(&self, session: &str, call: &Value) -> Result<usize, TableFailed> {
        let client = self.client().await;
        let query = client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .filter_expression("#call = :call")
            .projection_expression("sk")
            .expression_attribute_names("#call", "call")
            .expression_attribute_values(":pk", AttributeValue::S(self.pk(session)))
            .expression_attribute_values(":call", AttributeValue::S(call.to_string()))
            .consistent_read(true)
            .send();
        // A session has a handful of open questions: they fit into one page.
        let items = within("read", query).await?.items.unwrap_or_default();
        let mut cancelled = 0;
        for question in items.iter().filter_map(|item| item.get("sk")?.as_s().ok()) {
            let update = client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(self.key(session, question)))
                .update_expression("SET cancelled = :true")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .send();
            match timeout(TABLE_TIMEOUT, update).await {
                Ok(Ok(_)) => cancelled += 1,
                // It was answered and closed in the meantime.
                Ok(Err(error)) if is_condition(error.as_service_error()) => {}
                Ok(Err(error)) => {
                    tracing::error!(error = %DisplayErrorContext(&error), "a question cannot be cancelled");
                    return Err(TableFailed);
                }
                Err(_) => return Err(TableFailed),
            }
        }
        Ok(cancelled)
    }

    /// Removes a question that nobody waits for any more. If that fails, the item goes when its time is over.
    pub(super) async fn close(&self, session: &str, question: &str) {
        let delete = self.client().await.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(self.key(session, question))).send();
        let _logged = within("closed", delete).await;
    }

    fn pk(&self, session: &str) -> String {
        format!("rendezvous#{}#{session}", self.server_id)
    }

    fn key(&self, session: &str, question: &str) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk(session))),
            ("sk".to_owned(), AttributeValue::S(question.to_owned())),
        ])
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { Client::new(&handlers::runtime::aws_config().await) }).await
    }
}

fn is_condition(error: Option<&UpdateItemError>) -> bool {
    error.is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

fn read_answer(answer: &str) -> Option<Result<Value, RpcError>> {
    let mut answer: Value = serde_json::from_str(answer).ok()?;
    match answer.get_mut("result") {
        Some(result) => Some(Ok(result.take())),
        None => serde_json::from_value(answer.get_mut("error")?.take()).ok().map(Err),
    }
}

/// Waits for the table and logs what goes wrong: a question "cannot be {done}".
async fn within<T, E>(done: &str, request: impl Future<Output = Result<T, E>>) -> Result<T, TableFailed>
where
    E: std::error::Error + 'static,
{
    match timeout(TABLE_TIMEOUT, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(error = %DisplayErrorContext(&error), "a question cannot be {done} in the state table");
            Err(TableFailed)
        }
        Err(_) => {
            tracing::error!("the state table did not answer in time");
            Err(TableFailed)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
