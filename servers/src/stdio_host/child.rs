//! The hosted server as a child process: started once, spoken to over its standard input and output, replaced when it fails.
//!
//! The child is hostile until proven otherwise. It may write anything to its output, answer twice, late or not at all, die at
//! any moment, or fill its pipes; none of that reaches another call.

pub mod failure;
pub mod said;
pub mod session;
pub mod supervisor;

pub use self::{
    failure::Failure,
    said::{RpcError, Said},
    session::{Call, Session},
    supervisor::Supervisor,
};
