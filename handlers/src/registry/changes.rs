//! A number that grows whenever what is called may have changed, so that an index of all tools knows that it is out of date.
//!
//! The newest `updated_at` among the active entries would cost no write, but says nothing when an entry leaves them: that may
//! have been an old one. So the writers count. They do so after the write, in a request of its own: whoever reads the new
//! number sees the new entry, and writers do not run into each other's transactions over one item. A writer that ends in
//! between, and people who edit entries in a console, leave the number as it was; so an index also has to have an age at which
//! it is built again.

use aws_sdk_dynamodb::types::AttributeValue::N;

use super::{Registry, Status, TABLE, transaction::state_key};
use crate::{
    error::{Result, dependency},
    sdk::table_failed,
};

const PARTITION: &str = "registry#changes";
const SORT: &str = "counter";

impl Registry {
    /// How often what is called has changed, read consistently; 0 before the first change. One request.
    ///
    /// # Errors
    /// The state table cannot be read.
    pub async fn changes(&self) -> Result<u64> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.state_table)
            .set_key(Some(state_key(PARTITION.to_owned(), SORT)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| table_failed(TABLE, "read", e))?;
        let Some(number) = answer.item.and_then(|item| item.get("number").cloned()) else { return Ok(0) };
        let number = number.as_n().ok().and_then(|number| number.parse().ok());
        number.ok_or_else(|| {
            dependency(format!("The item {PARTITION}/{SORT} of the state table is not readable; delete it."))
        })
    }

    /// Counts a change from one status to another, unless neither of them is called. A failure is logged: the change is made.
    pub(super) async fn count(&self, before: Option<Status>, after: Option<Status>) {
        if before != Some(Status::Active) && after != Some(Status::Active) {
            return;
        }
        let counted = self
            .client
            .update_item()
            .table_name(&self.state_table)
            .set_key(Some(state_key(PARTITION.to_owned(), SORT)))
            .update_expression("ADD #number :one")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":one", N("1".to_owned()))
            .send()
            .await;
        if let Err(error) = counted {
            let error = table_failed(TABLE, "written", error);
            tracing::error!(%error, causes = error.causes(), "a change of the registry was not counted");
        }
    }
}
