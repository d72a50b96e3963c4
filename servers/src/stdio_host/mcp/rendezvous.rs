//! How the answer to a question gets to the environment that waits for it.
//!
//! A client of an older version answers a request of the server by a message of its own, and Lambda hands that to any
//! environment but the one that waits: that one is busy with the call. So the waiting environment leaves an item in the state
//! table and looks at it now and then, and the environment that gets the answer writes it there, once.
//!
//! Key: `pk` = `rendezvous#{server_id}#{session}`; `sk` is the id of a question, or `call#` and a digest of the client's id of a
//! call that asks, where the client leaves word that it has cancelled it. Session and question are unguessable. Nothing is trusted
//! to have expired: the time in `ttl` is compared.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client, error::DisplayErrorContext, operation::update_item::UpdateItemError, types::AttributeValue,
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{sync::OnceCell, time::timeout};

use super::{client::now, token::digest};
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

    /// Opens a question. The SDK may send it twice: the second does what the first did.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn open(&self, session: &str, question: &str, until: u64) -> Result<(), TableFailed> {
        let item = self.client().await.put_item().table_name(&self.table).set_item(Some(self.key(session, question)));
        let item = item.item("ttl", AttributeValue::N(until.to_string()));
        within("opened", item.send()).await.map(drop)
    }

    /// Lets the client cancel the call with this id of its own.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn open_call(&self, session: &str, call: &Value, until: u64) -> Result<(), TableFailed> {
        self.open(session, &of_call(call), until).await
    }

    /// Looks at a question.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn look(&self, session: &str, question: &str) -> Result<Found, TableFailed> {
        let item = self.item(session, question).await?;
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

    /// Leaves word that a call is cancelled, if it waits for an answer; says whether it does.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn cancel(&self, session: &str, call: &Value) -> Result<bool, TableFailed> {
        let update = self
            .client()
            .await
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(session, &of_call(call))))
            .update_expression("SET cancelled = :true")
            .condition_expression("#ttl > :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":now", AttributeValue::N(now().to_string()))
            .send();
        match timeout(TABLE_TIMEOUT, update).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if is_condition(error.as_service_error()) => Ok(false),
            Ok(Err(error)) => {
                tracing::error!(error = %DisplayErrorContext(&error), "a call cannot be cancelled in the state table");
                Err(TableFailed)
            }
            Err(_) => {
                tracing::error!("the state table did not answer in time");
                Err(TableFailed)
            }
        }
    }

    /// Whether the client has cancelled the call.
    ///
    /// # Errors
    /// The table failed.
    pub(super) async fn is_cancelled(&self, session: &str, call: &Value) -> Result<bool, TableFailed> {
        Ok(self.item(session, &of_call(call)).await?.contains_key("cancelled"))
    }

    /// Removes what [`Rendezvous::open_call`] made.
    pub(super) async fn close_call(&self, session: &str, call: &Value) {
        self.close(session, &of_call(call)).await;
    }

    /// Removes a question that nobody waits for any more. If that fails, the item goes when its time is over.
    pub(super) async fn close(&self, session: &str, question: &str) {
        let delete = self.client().await.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(self.key(session, question))).send();
        let _logged = within("closed", delete).await;
    }

    async fn item(&self, session: &str, sk: &str) -> Result<HashMap<String, AttributeValue>, TableFailed> {
        let get = self.client().await.get_item().table_name(&self.table).set_key(Some(self.key(session, sk)));
        Ok(within("looked at", get.consistent_read(true).send()).await?.item.unwrap_or_default())
    }

    fn key(&self, session: &str, sk: &str) -> HashMap<String, AttributeValue> {
        let pk = format!("rendezvous#{}#{session}", self.server_id);
        HashMap::from([("pk".to_owned(), AttributeValue::S(pk)), ("sk".to_owned(), AttributeValue::S(sk.to_owned()))])
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { Client::new(&handlers::runtime::aws_config().await) }).await
    }
}

/// The sort key of a call. The client chooses its id: a digest has no awkward length.
fn of_call(call: &Value) -> String {
    format!("call#{}", digest(call.to_string().as_bytes()))
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
