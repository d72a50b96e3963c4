//! Words of a text, as the index of tools knows them.

use bm25::Tokenizer;

/// Longest word in characters; what is longer is no word, and would only fill the index.
const LONGEST_WORD: usize = 40;

/// Splits a text into words: at everything that is no letter or digit, which takes `get_forecast` and `get-forecast` apart, and
/// within `getForecast` and `HTTPServer`. Words are in lower case and without the plural's s, so that "forecasts" finds
/// `get_forecast`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words;

impl Tokenizer for Words {
    fn tokenize(&self, text: &str) -> Vec<String> {
        let parts = text.split(|character: char| !character.is_alphanumeric());
        parts.flat_map(humps).filter(|word| word.chars().count() <= LONGEST_WORD).map(|word| singular(&word)).collect()
    }
}

/// `getHTTPServer2` as `get`, `http`, `server2`.
fn humps(part: &str) -> Vec<String> {
    let letters: Vec<char> = part.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let up = letter.is_uppercase();
        let begins = before
            .is_some_and(|before| up && (!before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word without the s of its plural: "policies" as "policy", "addresses" as "address", "status" as it is.
fn singular(word: &str) -> String {
    let stem = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3);
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = stem("sses") {
        return format!("{stem}ss");
    }
    let plural = !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    stem("s").filter(|_| plural).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_people_read_them() {
        for (text, words) in [
            ("get_forecast", "get forecast"),
            ("list-pull-requests", "list pull request"),
            ("getHTTPServer2", "get http server2"),
            ("repos/pulls.list", "repo pull list"),
            ("Policies, addresses & statuses of DNS", "policy address statuse of dns"),
            ("ÉtatDesLieux", "état des lieux"),
            ("status", "status"),
            ("💥 \u{202e}", ""),
        ] {
            assert_eq!(Words.tokenize(text).join(" "), words, "{text}");
        }
        assert!(Words.tokenize(&"x".repeat(1000)).is_empty());
    }
}
