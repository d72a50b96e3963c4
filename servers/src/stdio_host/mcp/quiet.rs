//! Requests that the host makes on its own account: nobody is told what is said meanwhile.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::rpc;
use crate::stdio_host::child::{Failure, RpcError, Said, Session};

/// Asks the hosted server something and waits for the answer.
///
/// # Errors
/// It gave none.
pub(super) async fn request(
    session: &mut Session,
    method: &str,
    params: Map<String, Value>,
    deadline: Instant,
) -> Result<Result<Value, RpcError>, Failure> {
    let mut call = session.begin(method, Some(Value::Object(params)), deadline).await?;
    loop {
        match call.next().await? {
            Said::Notification(_) => {}
            Said::Request { id, .. } => {
                let error = rpc::error(rpc::METHOD_NOT_FOUND, "Nobody can be asked during this request.");
                call.answer(id, Err(error)).await?;
            }
            Said::Answer(answer) => return Ok(answer),
        }
    }
}
