//! Which notifications of the hosted server go on to the client during a call.

use serde_json::Value;

use super::log_level::Level;
use crate::stdio_host::outlet::Outlet;

/// Which log messages the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logs {
    /// None.
    Unwanted,
    /// Those from this level on.
    From(Level),
    /// Whatever the server logs.
    All,
}

/// Hands notifications on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relay {
    pub(super) logs: Logs,
    /// Whether only what concerns the call itself may be said on its stream.
    pub(super) modern: bool,
}

impl Relay {
    /// Hands a notification on if the client may and wants to have it. Where the client cannot be reached it is dropped.
    pub(super) async fn pass(self, notification: &Value, outlet: &mut Outlet) {
        if self.wants(notification) && outlet.say(notification).await.is_err() {
            tracing::debug!("a notification reaches no client");
        }
    }

    fn wants(self, notification: &Value) -> bool {
        match notification["method"].as_str() {
            Some("notifications/message") => match (self.logs, Level::read(&notification["params"]["level"])) {
                (Logs::All, _) => true,
                (Logs::From(least), Some(level)) => level >= least,
                _ => false,
            },
            Some("notifications/progress") => true,
            // The ids are the server's own: they mean nothing to the client.
            Some("notifications/cancelled") | None => false,
            Some(_) => !self.modern,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn log_messages_follow_the_level_and_the_rest_the_version() {
        let message = |level: &str| json!({ "method": "notifications/message", "params": { "level": level } });
        let of = |method: &str| json!({ "method": method });
        let old = |logs| Relay { logs, modern: false };
        let new = |logs| Relay { logs, modern: true };
        for (relay, notification, wanted) in [
            (new(Logs::Unwanted), message("emergency"), false),
            (new(Logs::From(Level::Warning)), message("info"), false),
            (new(Logs::From(Level::Warning)), message("warning"), true),
            (new(Logs::From(Level::Debug)), message("loud"), false),
            (old(Logs::All), message("debug"), true),
            (new(Logs::Unwanted), of("notifications/progress"), true),
            (new(Logs::Unwanted), of("notifications/tools/list_changed"), false),
            (old(Logs::All), of("notifications/tools/list_changed"), true),
            (old(Logs::All), of("notifications/cancelled"), false),
        ] {
            assert_eq!(relay.wants(&notification), wanted, "{relay:?} {notification}");
        }
    }
}
