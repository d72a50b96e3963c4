//! Escapes of half a character in JSON.
//!
//! JavaScript and Python write one when a text was cut in the middle of an emoji or a file name is no UTF-8. It is valid JSON by
//! its grammar and no text in Rust. The half is replaced by U+FFFD; the rest of the message is as good as any.
//! Source: RFC 8259, section 8.2.

/// The line with each such half replaced, or `None` if it has none.
pub(super) fn replaced(line: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = line[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        let length = match (unit(&line[at..]), line.get(at + 6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                // As long as what it replaces: places stay the same.
                mended.get_or_insert_with(|| line.to_vec())[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            (Some(_), _) => 6,
            // Another escape: its second byte begins none.
            (None, _) => 2,
        };
        at = (at + length).min(line.len());
    }
    mended
}

/// The UTF-16 code unit of an escape at the beginning.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        let cases = [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\ude00 \uD83D\uDE00 \ud83d\ud83d\ude00""#, Some(r#""\ufffd \uD83D\uDE00 \ufffd\ud83d\ude00""#)),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\n\u00e4\ud83d\ude00\"""#, None),
            (r#""\ud8"#, None),
            (r#""\u+d83d""#, None),
            (r#""\"#, None),
            ("", None),
        ];
        for (line, expected) in cases {
            let replaced = replaced(line.as_bytes()).map(|line| String::from_utf8(line).unwrap());
            assert_eq!(replaced.as_deref(), expected, "{line}");
        }
    }
}
