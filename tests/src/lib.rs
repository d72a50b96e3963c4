//! What the tests and the measurements share: Lambda's Runtime API for the programs of the workspace. The tests themselves
//! are in `end_to_end/`.

mod connections;
pub mod runtime_api;
