//! What is known of a hosted server's process for as long as it lives.

use super::{log_level::Level, tools::Tools};

/// What has been learned about one process. A new process begins with nothing.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its tools, once they had to be looked at.
    pub(super) tools: Option<Tools>,
    /// The level of its log messages, once it was set.
    pub(super) log_level: Option<Level>,
}
