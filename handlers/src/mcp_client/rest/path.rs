//! Templates of paths, and arguments that cannot get out of their place in them.

use std::fmt::Write as _;

use rmcp::model::JsonObject;

use super::{argument, plain};
use crate::mcp_client::error::Failure;

/// Longest path that is declared or made.
const MAX_PATH: usize = 2048;

/// A path with places for arguments: `/cities/{city}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Argument(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A phrase that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') || text.len() > MAX_PATH {
            return Err(format!("path must begin with / and have at most {MAX_PATH} characters"));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("path: a { is not closed")?;
            let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            if name.is_empty() || !name.bytes().all(well_formed) {
                return Err("path: between { and } stands the name of an argument".to_owned());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Argument(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let allowed = |byte: u8| is_unreserved(byte) || b"/:@!$&'()*+,;=".contains(&byte);
        let texts = || parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
        if !texts().all(|text| text.bytes().all(allowed)) {
            return Err("path may hold letters, digits, / and -._~:@!$&'()*+,;= beside {arguments}".to_owned());
        }
        let whole = text.strip_suffix('/').unwrap_or(text);
        if whole.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
            return Err("path must not hold empty segments, . or ..".to_owned());
        }
        Ok(Self(parts))
    }

    /// The names of the arguments in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Argument(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The path with the arguments in their places.
    ///
    /// # Errors
    /// An argument is missing, or would change the path beside its place.
    pub(super) fn fill(&self, arguments: &JsonObject) -> Result<String, Failure> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Argument(name) => {
                    let value =
                        arguments.get(name).ok_or_else(|| argument(name, "is missing; it is part of the path"))?;
                    let value = plain(name, value)?;
                    // Servers and proxies decode what is encoded here, some of them before they look at the path.
                    if value.is_empty() || value.chars().any(char::is_control) {
                        return Err(argument(
                            name,
                            "must not be empty or hold control characters, as part of the path",
                        ));
                    }
                    if value.split(['/', '\\']).any(|segment| matches!(segment, "" | "." | "..")) {
                        return Err(argument(name, "must not hold empty segments, . or .., as part of the path"));
                    }
                    encode(&value, &mut path);
                }
            }
        }
        // Text and argument together may make what neither is alone.
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(argument(self.names().next().unwrap_or_default(), "makes . or .. of a part of the path"));
        }
        if path.len() > MAX_PATH {
            return Err(argument(self.names().next().unwrap_or_default(), "makes the path too long"));
        }
        Ok(path)
    }
}

/// Source: RFC 3986, section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes all that is not unreserved.
fn encode(text: &str, path: &mut String) {
    for byte in text.bytes() {
        if is_unreserved(byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use url::Url;

    use super::*;

    fn fill(template: &str, city: &str) -> Result<String, Failure> {
        let arguments = json!({ "city": city });
        Template::parse(template).unwrap().fill(arguments.as_object().unwrap())
    }

    #[test]
    fn templates_that_leave_their_place_are_refused() {
        for wrong in [
            "cities",
            "",
            "/a/../b",
            "/a//b",
            "/./a",
            "/a?x=1",
            "/a#b",
            "/a b",
            "/{",
            "/{}",
            "/{a b}",
            "/%2e%2e/a",
            "/a\\b",
            "//evil.example/x",
            "/{a}/..",
            "/ä",
        ] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        for right in ["/", "/cities", "/cities/", "/cities/{city}", "/v1/{a}-{b}.json", "/projects/{id}:run"] {
            assert!(Template::parse(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn arguments_stay_in_their_place() {
        assert_eq!(fill("/cities/{city}", "São Paulo?#&").unwrap(), "/cities/S%C3%A3o%20Paulo%3F%23%26");
        assert_eq!(fill("/projects/{city}", "group/project").unwrap(), "/projects/group%2Fproject");
        assert_eq!(fill("/cities/{city}", "%2e%2e").unwrap(), "/cities/%252e%252e");
        for hostile in ["", "..", ".", "../admin", "a/../../admin", "..\\admin", "a//b", "a\r\nb", "a\0"] {
            let refused = fill("/cities/{city}", hostile);
            assert!(matches!(refused, Err(Failure::Argument { .. })), "{hostile:?}: {refused:?}");
        }
        assert!(fill("/.{city}", ".").is_err() && fill("/a/{city}{city}", ".").is_err());
    }

    mod fuzz {
        use super::*;

        proptest! {
            /// Whatever the argument: the address has the same host, the same number of segments, no query and no fragment.
            #[test]
            fn no_argument_changes_the_address_around_it(city in "\\PC{0,40}|[./\\\\%?#:@a-c]{0,12}") {
                if let Ok(path) = fill("/cities/{city}/days", &city) {
                    let mut url: Url = "https://api.example.com/base?fixed=1".parse().unwrap();
                    url.set_path(&format!("/base{path}"));
                    prop_assert_eq!(url.host_str(), Some("api.example.com"));
                    prop_assert_eq!(url.query(), Some("fixed=1"));
                    prop_assert_eq!(url.fragment(), None);
                    let segments: Vec<_> = url.path_segments().unwrap().collect();
                    prop_assert_eq!(segments.len(), 4);
                    prop_assert_eq!((segments[0], segments[1], segments[3]), ("base", "cities", "days"));
                    // What the server decodes is what was given.
                    let decoded = url::form_urlencoded::parse(format!("x={}", segments[2]).as_bytes()).next().unwrap().1.into_owned();
                    prop_assert_eq!(decoded, city);
                }
            }
        }
    }
}
