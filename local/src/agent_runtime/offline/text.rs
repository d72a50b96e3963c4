//! From a sentence to tokens.

use super::lexicon;

/// A word of the sentence, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As written, without the punctuation around it.
    pub(super) text: String,
    pub(super) lower: String,
    pub(super) stem: String,
    /// Bytes of the sentence it covers.
    pub(super) start: usize,
    pub(super) end: usize,
    /// "acme's", "globex'".
    pub(super) possessive: bool,
    /// Stood in quotation marks: always a value.
    pub(super) quoted: bool,
    /// `:` or `=` follows: a label.
    pub(super) label: bool,
    pub(super) after: Pause,
}

/// Punctuation after a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    None,
    Comma,
    /// Full stop, semicolon, exclamation mark, line break.
    Stop,
    Question,
}

/// What an apostrophe can shorten after these words.
const CONTRACTED_IS: &[&str] = &["what", "it", "that", "there", "who", "how", "where", "here", "when", "he", "she"];

/// Splits a sentence into tokens.
pub(super) fn tokens(sentence: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = sentence.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            if first == '\n' {
                pause(&mut tokens, Pause::Stop);
            }
            at += first.len_utf8();
        } else if let Some(inner) = quoted(rest, first) {
            push(&mut tokens, inner, at + first.len_utf8(), true);
            at += inner.len() + 2 * first.len_utf8().max(1);
            at = sentence.len().min(ceil_boundary(sentence, at));
        } else {
            let length = rest.find(|c: char| c.is_whitespace() || "\"“”`()[]{}".contains(c)).unwrap_or(rest.len());
            match rest.get(..length).filter(|word| !word.is_empty()) {
                Some(word) => {
                    word_tokens(&mut tokens, word, at);
                    at += length;
                }
                None => at += first.len_utf8(),
            }
        }
    }
    tokens
}

/// The content of quotation marks that open here and close on the same line.
fn quoted(rest: &str, first: char) -> Option<&str> {
    let close = match first {
        '"' | '`' => first,
        '\'' => '\'',
        '“' => '”',
        _ => return None,
    };
    let inner = rest.get(first.len_utf8()..)?;
    let inner = inner.get(..inner.find(close)?)?;
    (!inner.trim().is_empty() && !inner.contains('\n') && inner.len() <= 200).then_some(inner)
}

fn ceil_boundary(text: &str, mut at: usize) -> usize {
    while at < text.len() && !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn pause(tokens: &mut [Token], pause: Pause) {
    if let Some(last) = tokens.last_mut() {
        last.after = pause;
    }
}

fn push(tokens: &mut Vec<Token>, text: &str, start: usize, quoted: bool) {
    let lower = text.to_lowercase();
    let stem = stem(&lower);
    let end = start + text.len();
    let text = text.to_owned();
    tokens.push(Token { text, lower, stem, start, end, possessive: false, quoted, label: false, after: Pause::None });
}

/// One word between spaces: its punctuation, labels (`env=dev`), contractions (`don't`) and possessives.
fn word_tokens(tokens: &mut Vec<Token>, word: &str, start: usize) {
    let body = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '…']);
    let tail = word.get(body.len()..).unwrap_or_default();
    let lead = body.len() - body.trim_start_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '#', '>']).len();
    let body_start = start + lead;
    let body = body.get(lead..).unwrap_or_default();
    if body.is_empty() || body.chars().all(|c| "-–—/&+".contains(c)) {
        let dash = !body.is_empty() && body != "&" && body != "+" && body != "/";
        if dash || tail.contains(['.', ',', ';', '!']) {
            pause(tokens, Pause::Comma);
        }
        return;
    }
    let split = body.find(['=', ':']).filter(|at| {
        let (left, right) = body.split_at(*at);
        let word = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '-';
        left.chars().all(word) && !left.is_empty() && !right.starts_with("://") && right.len() > 1 && left != "arn"
    });
    if let Some(at) = split {
        plain(tokens, body.get(..at).unwrap_or_default(), body_start);
        if let Some(last) = tokens.last_mut() {
            last.label = true;
        }
        plain(tokens, body.get(at + 1..).unwrap_or_default(), body_start + at + 1);
    } else {
        plain(tokens, body, body_start);
        if let Some(last) = tokens.last_mut().filter(|_| tail.starts_with(':')) {
            last.label = true;
        }
    }
    let after = if tail.contains('?') {
        Pause::Question
    } else if tail.contains(['.', ';', '!', '…']) {
        Pause::Stop
    } else if tail.contains(',') {
        Pause::Comma
    } else {
        return;
    };
    pause(tokens, after);
}

fn plain(tokens: &mut Vec<Token>, word: &str, start: usize) {
    let apostrophe = word.char_indices().rev().find(|(_, c)| *c == '\'' || *c == '’');
    let Some((at, mark)) = apostrophe else {
        let short =
            ["dont", "doesnt", "didnt", "cant", "wont", "isnt"].iter().find(|short| word.eq_ignore_ascii_case(short));
        if short.is_some() {
            let at = word.len() - 2;
            push(tokens, word.get(..at - 1).unwrap_or_default(), start, false);
            push(tokens, "not", start + at, false);
            return;
        }
        return push(tokens, word, start, false);
    };
    let (left, right) = (word.get(..at).unwrap_or_default(), word.get(at + mark.len_utf8()..).unwrap_or_default());
    let second = start + at + mark.len_utf8();
    let before = left.to_lowercase();
    let suffix = right.to_lowercase();
    match suffix.as_str() {
        "t" if before.ends_with('n') => {
            let verb = left.get(..left.len() - 1).unwrap_or_default();
            push(tokens, if verb.is_empty() { left } else { verb }, start, false);
            push(tokens, "not", second, false);
        }
        "s" if CONTRACTED_IS.contains(&before.as_str()) => {
            push(tokens, left, start, false);
            push(tokens, "is", second, false);
        }
        "s" if before == "let" => push(tokens, left, start, false),
        "s" | "" if !left.is_empty() => {
            push(tokens, left, start, false);
            if let Some(last) = tokens.last_mut() {
                last.possessive = true;
            }
        }
        "d" | "ll" | "ve" | "m" | "re" if !left.is_empty() => {
            push(tokens, left, start, false);
            let full = match suffix.as_str() {
                "d" | "ll" => "would",
                "ve" => "have",
                "m" => "am",
                _ => "are",
            };
            push(tokens, full, second, false);
        }
        _ => push(tokens, word, start, false),
    }
}

/// A crude stem: plural and verb endings go, a final `e` goes. Both sides of every comparison are stemmed, so it only has to
/// be consistent.
pub(super) fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    if word.len() < 4 || !word.chars().all(|c| c.is_ascii_alphabetic()) {
        return word;
    }
    let cut = |suffix: &str, least: usize| word.strip_suffix(suffix).filter(|rest| rest.len() >= least);
    let base = if let Some(rest) = cut("ies", 2) {
        return format!("{rest}y");
    } else if let Some(rest) = cut("ments", 4).or_else(|| cut("ment", 4)) {
        rest
    } else if let Some(rest) = cut("ings", 3).or_else(|| cut("ing", 3)) {
        undouble(rest)
    } else if let Some(rest) = cut("ed", 3) {
        undouble(rest)
    } else if let Some(rest) = cut("sses", 1) {
        return format!("{rest}ss");
    } else if let Some(rest) =
        cut("es", 3).filter(|rest| rest.ends_with('x') || rest.ends_with("ch") || rest.ends_with("sh"))
    {
        rest
    } else if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") {
        word.get(..word.len() - 1).unwrap_or_default()
    } else {
        &word
    };
    let base = base.strip_suffix('e').filter(|rest| rest.len() >= 3).unwrap_or(base);
    // "note" is another word than "not".
    if base == "not" { "note".to_owned() } else { base.to_owned() }
}

/// `running` → `runn` → `run`; words that end in a double consonant by themselves (`call`, `pass`) keep it.
fn undouble(base: &str) -> &str {
    let mut back = base.chars().rev();
    match (back.next(), back.next()) {
        (Some(a), Some(b)) if a == b && !"aeiouls".contains(a) => base.get(..base.len() - 1).unwrap_or(base),
        _ => base,
    }
}

/// The words of an identifier: `execute_app-pipeline` → execute, app, pipeline.
pub(super) fn words_of(identifier: &str) -> Vec<String> {
    identifier.split(['_', '-']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

impl Token {
    /// Whether the word carries no content.
    pub(super) fn is_stop(&self) -> bool {
        !self.quoted && lexicon::is_stop(&self.lower)
    }

    /// The kind of thing the word names.
    pub(super) fn concept(&self) -> &str {
        lexicon::concept(&self.stem)
    }

    pub(super) fn number(&self) -> Option<i64> {
        if self.quoted { None } else { lexicon::number(&self.lower) }
    }

    /// Whether the word is an execution id or another UUID.
    pub(super) fn is_uuid(&self) -> bool {
        self.text.len() == 36 && uuid::Uuid::parse_str(&self.text).is_ok()
    }
}
