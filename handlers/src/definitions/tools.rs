//! Which tools of the registry an agent may find and call: lists of patterns in its file.
//!
//! A pattern is `server/tool`, and `*` in it stands for any characters. What a pattern of `deny` matches is refused, whatever
//! `allow` says; what no pattern of `allow` matches is refused too. Upper and lower case are different, as they are in the
//! names of tools.

use serde::Deserialize;

use super::{Function, ParameterType};

/// Name of the function that searches the tools.
pub const FIND_TOOLS: &str = "find_tools";
/// Name of the function that calls one of them.
pub const CALL_TOOL: &str = "call_tool";

/// Most patterns of a list.
pub(super) const MOST_PATTERNS: usize = 100;
/// Longest parts of a pattern: a server's id and the name of a tool.
const LONGEST: (usize, usize) = (63, 64);

/// A parameter that a function can have: its name, its type, and whether it must be declared.
type Declared = (&'static str, ParameterType, bool);

/// The functions that an action group with such lists can have.
pub(super) const FUNCTIONS: [(&str, &[Declared]); 2] = [
    (FIND_TOOLS, &[("query", ParameterType::String, true), ("limit", ParameterType::Integer, false)]),
    (
        CALL_TOOL,
        &[
            ("server_id", ParameterType::String, true),
            ("tool", ParameterType::String, true),
            ("arguments_json", ParameterType::String, true),
        ],
    ),
];

/// The lists of an action group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolRules {
    /// What may be called; at least one pattern.
    pub allow: Vec<String>,
    /// What may not be called all the same.
    #[serde(default)]
    pub deny: Vec<String>,
}

impl ToolRules {
    /// Whether the agent may find and call this tool.
    pub fn permit(&self, server_id: &str, tool: &str) -> bool {
        let matches = |patterns: &[String]| patterns.iter().any(|pattern| covers(pattern, server_id, tool));
        matches(&self.allow) && !matches(&self.deny)
    }
}

/// Whether a pattern means this tool of this server. A server's id has no slash, a tool's name may have some.
fn covers(pattern: &str, server_id: &str, tool: &str) -> bool {
    let parts = pattern.split_once('/');
    parts.is_some_and(|(server, name)| like(server, server_id) && like(name, tool))
}

/// Whether a text is like a pattern in which `*` stands for any characters.
fn like(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The first place where a part fits leaves most for the parts after it.
    for part in middle.split('*') {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

/// Whether a text is a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    let Some((server, tool)) = text.split_once('/') else { return false };
    let of_server = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*".contains(&byte);
    let of_tool = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./*".contains(&byte);
    (1..=LONGEST.0).contains(&server.len())
        && server.bytes().all(of_server)
        && (1..=LONGEST.1).contains(&tool.len())
        && tool.bytes().all(of_tool)
}

/// What is wrong with a function of an action group that has such lists: the key within the function, and the reason.
pub(super) fn function_problems(function: &Function) -> Vec<(String, String)> {
    let Some((name, known)) = FUNCTIONS.iter().find(|(name, _)| *name == function.name) else {
        return vec![("name".into(), format!("must be {FIND_TOOLS} or {CALL_TOOL} beside tools"))];
    };
    let mut problems = Vec::new();
    for (index, parameter) in function.parameters.iter().enumerate() {
        match known.iter().find(|(known, ..)| *known == parameter.name) {
            None => {
                let names: Vec<_> = known.iter().map(|(name, ..)| *name).collect();
                let reason = format!("{name} takes {} and nothing else", names.join(", "));
                problems.push((format!("parameters[{index}].name"), reason));
            }
            Some((_, kind, _)) if *kind != parameter.kind => {
                problems.push((format!("parameters[{index}].type"), format!("must be {kind}")));
            }
            Some(_) => {}
        }
    }
    let missing = known
        .iter()
        .filter(|(name, _, must)| *must && !function.parameters.iter().any(|parameter| parameter.name == *name));
    problems.extend(missing.map(|(name, ..)| ("parameters".into(), format!("`{name}` is missing"))));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], deny: &[&str]) -> ToolRules {
        let list = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        ToolRules { allow: list(allow), deny: list(deny) }
    }

    #[test]
    fn a_tool_is_permitted_when_a_pattern_allows_it_and_none_denies_it() {
        for (allow, deny, server_id, tool, permitted) in [
            (&["*/*"][..], &[][..], "weather", "get_forecast", true),
            (&["weather/*"], &[], "weather", "get_forecast", true),
            (&["weather/*"], &[], "weather-2", "get_forecast", false),
            (&["weather*/*"], &[], "weather-2", "get_forecast", true),
            (&["weather/get_forecast"], &[], "weather", "get_forecasts", false),
            (&["weather/get_forecast"], &[], "weather", "GET_FORECAST", false),
            (&["*/get_*"], &[], "weather", "get_forecast", true),
            (&["*/get_*"], &[], "weather", "forget_it", false),
            (&["*/*"], &["*/delete_*"], "places", "delete_place", false),
            (&["*/*"], &["*/*delete*"], "places", "place.delete.all", false),
            (&["places/delete_place"], &["places/*"], "places", "delete_place", false),
            (&["*/a*b*c"], &[], "s", "abc", true),
            (&["*/a*b*c"], &[], "s", "aXbXbXc", true),
            (&["*/a*b*c"], &[], "s", "acb", false),
            (&["*/a*a"], &[], "s", "a", false),
            (&["*/ab*ba"], &[], "s", "aba", false),
            (&["*/**"], &[], "s", "x", true),
            (&["repos/pulls/list"], &[], "repos", "pulls/list", true),
            (&["repos/*"], &[], "repos", "pulls/list", true),
            (&["*/list"], &[], "repos", "pulls/list", false),
        ] {
            assert_eq!(rules(allow, deny).permit(server_id, tool), permitted, "{allow:?} {deny:?} {server_id}/{tool}");
        }
    }

    #[test]
    fn a_pattern_has_a_server_and_a_tool() {
        for good in ["*/*", "a/b", "weather-*/get_*", "repos/pulls/list", "a/B.c-d_e", "*/*delete*"] {
            assert!(is_pattern(good), "{good}");
        }
        let (server, tool) = ("a".repeat(64), "b".repeat(65));
        for bad in [
            "",
            "*",
            "a",
            "a/",
            "/b",
            "A/b",
            "a b/c",
            "a_b/c",
            "a/b c",
            "a/ü",
            &format!("{server}/b"),
            &format!("a/{tool}"),
        ] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }
}
