//! What a client can be asked, and what a request of the hosted server asks of it.
//! Source: MCP 2025-11-25 and 2026-07-28, ClientCapabilities.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a client declared that it can be asked. Left out of tokens where it is false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Capabilities {
    #[serde(skip_serializing_if = "is_false")]
    form: bool,
    #[serde(skip_serializing_if = "is_false")]
    url: bool,
    #[serde(skip_serializing_if = "is_false")]
    sampling: bool,
    #[serde(skip_serializing_if = "is_false")]
    sampling_tools: bool,
    #[serde(skip_serializing_if = "is_false")]
    roots: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Capabilities {
    /// Reads what a client declared.
    pub(super) fn read(declared: &Value) -> Self {
        let elicitation = &declared["elicitation"];
        let url = elicitation["url"].is_object();
        Self {
            // An empty object means forms, as in the version before URLs.
            form: elicitation.is_object() && (elicitation["form"].is_object() || !url),
            url,
            sampling: declared["sampling"].is_object(),
            sampling_tools: declared["sampling"]["tools"].is_object(),
            roots: declared["roots"].is_object(),
        }
    }

    /// What the client lacks for a request of the server, as the ClientCapabilities that would do.
    ///
    /// # Errors
    /// No client can be asked this.
    pub(super) fn missing(self, method: &str, params: &Value) -> Result<Option<Value>, NoQuestion> {
        let uses_tools = params.get("tools").is_some_and(|tools| !tools.is_null());
        let (has, needed) = match method {
            "elicitation/create" if params["mode"] == "url" => (self.url, json!({ "elicitation": { "url": {} } })),
            "elicitation/create" => (self.form, json!({ "elicitation": { "form": {} } })),
            "sampling/createMessage" if uses_tools => {
                (self.sampling && self.sampling_tools, json!({ "sampling": { "tools": {} } }))
            }
            "sampling/createMessage" => (self.sampling, json!({ "sampling": {} })),
            "roots/list" => (self.roots, json!({ "roots": {} })),
            _ => return Err(NoQuestion),
        };
        Ok((!has).then_some(needed))
    }
}

/// A method that no client answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoQuestion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_the_client_would_declare_it() {
        let nothing = Capabilities::default();
        let form = json!({ "message": "?" });
        let url = json!({ "mode": "url" });
        let tools = json!({ "tools": [] });
        for (declared, method, params, missing) in [
            (json!({}), "elicitation/create", &form, json!({ "elicitation": { "form": {} } })),
            (json!({ "elicitation": {} }), "elicitation/create", &form, Value::Null),
            (json!({ "elicitation": {} }), "elicitation/create", &url, json!({ "elicitation": { "url": {} } })),
            (json!({ "elicitation": { "url": {} } }), "elicitation/create", &url, Value::Null),
            (
                json!({ "elicitation": { "url": {} } }),
                "elicitation/create",
                &form,
                json!({ "elicitation": { "form": {} } }),
            ),
            (json!({ "elicitation": { "url": {}, "form": {} } }), "elicitation/create", &form, Value::Null),
            (json!({}), "sampling/createMessage", &form, json!({ "sampling": {} })),
            (json!({ "sampling": {} }), "sampling/createMessage", &form, Value::Null),
            (json!({ "sampling": {} }), "sampling/createMessage", &tools, json!({ "sampling": { "tools": {} } })),
            (json!({ "sampling": { "tools": {} } }), "sampling/createMessage", &tools, Value::Null),
            (json!({ "roots": { "listChanged": true } }), "roots/list", &Value::Null, Value::Null),
        ] {
            let found = Capabilities::read(&declared).missing(method, params).unwrap();
            assert_eq!(found.unwrap_or_default(), missing, "{declared} {method} {params}");
        }
        assert_eq!(nothing.missing("tools/list", &form), Err(NoQuestion));
    }

    #[test]
    fn they_survive_a_token_and_take_no_room_when_there_are_none() {
        let all = json!({ "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {} }, "roots": {} });
        for declared in [json!({}), all] {
            let capabilities = Capabilities::read(&declared);
            let text = serde_json::to_string(&capabilities).unwrap();
            assert_eq!(serde_json::from_str::<Capabilities>(&text).unwrap(), capabilities);
        }
        assert_eq!(serde_json::to_string(&Capabilities::default()).unwrap(), "{}");
    }
}
