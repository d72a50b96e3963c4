//! Headers of an HTTP event.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stdio_host::ask::McpHeaders;

const PARAM: &str = "mcp-param-";

/// Headers by lower-case name. What came several times is one value, joined by commas as HTTP says, so that nothing a
/// gateway in front looked at is overlooked here.
/// Source: RFC 9110, section 5.3.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Headers(BTreeMap<String, String>);

impl Headers {
    /// The headers of an event: `multiValueHeaders` of payload 1.0, and `headers`, which holds the last value of each only or,
    /// in payload 2.0, all of them joined.
    pub(super) fn of(event: &Value) -> Self {
        let mut headers = Self::default();
        headers.add(&event["multiValueHeaders"]);
        let mut single = Self::default();
        single.add(&event["headers"]);
        for (name, value) in single.0 {
            headers.0.entry(name).or_insert(value);
        }
        headers
    }

    fn add(&mut self, object: &Value) {
        for (name, value) in object.as_object().into_iter().flatten() {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values.iter().filter_map(Value::as_str) {
                // White space around a value is none of it. Source: RFC 9110, section 5.5.
                let value = value.trim_matches([' ', '\t']);
                self.0
                    .entry(name.to_ascii_lowercase())
                    .and_modify(|before| {
                        before.push_str(", ");
                        before.push_str(value);
                    })
                    .or_insert_with(|| value.to_owned());
            }
        }
    }

    /// The value of a header, by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The headers that MCP defines.
    pub(super) fn mcp(&self) -> McpHeaders {
        let get = |name| self.get(name).map(str::to_owned);
        let params =
            self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(PARAM)?.to_owned(), value.clone())));
        McpHeaders {
            protocol_version: get("mcp-protocol-version"),
            method: get("mcp-method"),
            name: get("mcp-name"),
            session: get("mcp-session-id"),
            params: params.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_have_no_case_and_values_no_margin() {
        let headers =
            Headers::of(&json!({ "headers": { "Content-TYPE": " application/json\t", "Mcp-Param-Region": "eu" } }));
        assert_eq!(headers.get("content-type"), Some("application/json"));
        assert_eq!(headers.mcp().params, BTreeMap::from([("region".to_owned(), "eu".to_owned())]));
    }

    #[test]
    fn all_values_of_a_header_count() {
        let both =
            json!({ "headers": { "Mcp-Name": "b", "only": "1" }, "multiValueHeaders": { "Mcp-Name": ["a", "b"] } });
        let spelled = json!({ "headers": { "Mcp-Name": "a", "mcp-name": "b", "only": "1" } });
        for event in [both, spelled] {
            let headers = Headers::of(&event);
            assert_eq!(headers.get("mcp-name").map(str::len), Some(4), "{event}");
            assert_eq!(headers.get("only"), Some("1"));
        }
    }

    #[test]
    fn what_is_no_text_is_no_header() {
        for headers in [json!(null), json!([1]), json!("x"), json!({ "a": null, "b": 1, "c": {}, "d": [null, {}] })] {
            assert_eq!(Headers::of(&json!({ "headers": headers, "multiValueHeaders": headers })), Headers::default());
        }
    }
}
