//! What the tests and the measurements share: Lambda and its neighbours for the programs of the workspace. The tests themselves
//! are in `end_to_end/` and `stdio_host/`.

pub mod aws;
mod connections;
pub mod environments;
pub mod function_url;
pub mod hosted;
pub mod processes;
pub mod runtime_api;
