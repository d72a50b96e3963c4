//! Text from pieces of bytes that may be cut inside a character.

/// Keeps the beginning of a character until the rest of it comes.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    rest: Vec<u8>,
}

impl Utf8 {
    /// The text that is complete with these bytes. Bytes that are no UTF-8 become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let mut text = String::new();
        let mut start = 0;
        loop {
            let tail = self.rest.get(start..).unwrap_or_default();
            match std::str::from_utf8(tail) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.rest.clear();
                    return text;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&tail[..valid]));
                    match error.error_len() {
                        Some(bad) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            start += valid + bad;
                        }
                        None => {
                            self.rest.drain(..start + valid);
                            return text;
                        }
                    }
                }
            }
        }
    }

    /// What is left at the end: nothing, or U+FFFD for a character that was never completed.
    pub(super) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_cuts_give_the_same_text(text in "\\PC{0,40}", cuts in proptest::collection::vec(1_usize..5, 0..60)) {
            let (mut utf8, mut out, mut bytes) = (Utf8::default(), String::new(), text.as_bytes());
            for cut in cuts {
                let (piece, rest) = bytes.split_at(cut.min(bytes.len()));
                out.push_str(&utf8.push(piece));
                bytes = rest;
            }
            out.push_str(&utf8.push(bytes));
            out.push_str(&utf8.finish());
            prop_assert_eq!(out, text);
        }

        #[test]
        fn any_bytes_give_what_a_lossy_reading_gives(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0_usize..60) {
            let (one, two) = bytes.split_at(at.min(bytes.len()));
            let mut utf8 = Utf8::default();
            let out = utf8.push(one) + &utf8.push(two) + &utf8.finish();
            prop_assert_eq!(out, String::from_utf8_lossy(&bytes));
        }
    }
}
