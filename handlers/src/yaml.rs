//! Documents of YAML: the one set of rules by which all of them are read, here and in the servers.

use serde_json::Value;
use serde_saphyr::MergeKeyPolicy;

use crate::error::shorten;

/// How much aliases may add to a document, in parser events. None of ours has one; a few lines of them could fill the memory.
const LARGEST_REPLAY: usize = 10_000;

/// Reads a document by the core schema of YAML 1.2, in the characters of its section 5.1: `yes` is a text, `<<` an ordinary
/// key, and a tag that is not of the schema an error.
///
/// # Errors
/// What is wrong and where, on one line.
pub fn read(text: &str) -> Result<Value, String> {
    let strange = |c: &char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    };
    if let Some(character) = text.strip_prefix('\u{feff}').unwrap_or(text).chars().find(strange) {
        return Err(format!("the character U+{:04X} may not stand in it", u32::from(character)));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: LARGEST_REPLAY },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = error.to_string();
        shorten(message.lines().next().unwrap_or_default().trim_start_matches("error: "), 300)
    })
}
