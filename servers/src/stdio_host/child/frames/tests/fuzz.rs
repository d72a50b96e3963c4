//! Whatever a child writes and however the pipe cuts it, the same messages come out, and nothing is taken for one that is none.

use proptest::test_runner::TestCaseError;

use super::*;
use crate::fuzz::{Source, explore};

/// Printed by servers, or hostile; none of it is a message.
const NOISE: &[&[u8]] = &[
    b"Server running on stdio",
    b"[INFO] {\"jsonrpc\":\"2.0\",\"id\":1}",
    b"{\"level\":\"info\",\"id\":1}",
    b"{",
    b"[{",
    b"[]",
    b"[[{}]]",
    b"\xff\xfe\xf0\x9f",
    b"\x1b[31mred\x1b[0m",
    b"10%\r20%\r30%",
    b"Content-Length: 42",
    b"null",
    b"\0\0\0",
    b"{\"a\":\"\xff\"}",
];

/// Messages whose text breaks off, or holds what JSON does not.
const BROKEN: &[&[u8]] = &[
    b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":NaN}",
    b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xc3\x28\"}",
    b"{\"jsonrpc\":\"2.0\",\"id\":",
    b"{\"jsonrpc\":\"2.0\",\"id\":1}}",
    b"{\"jsonrpc\":\"2.0\",\"id\":1}{\"jsonrpc\"",
];

/// What a child writes, and the messages in it; whether one of them is broken.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    messages: Vec<Value>,
    broken: bool,
    cuts: Vec<usize>,
}

fn any_output(source: &mut Source) -> Output {
    let (mut bytes, mut messages, mut broken) = (Vec::new(), Vec::new(), false);
    for _ in 0..source.below(12) {
        match source.below(10) {
            0..6 => {
                let joined = 1 + source.below(3) * usize::from(source.chance(20));
                for _ in 0..joined {
                    let message = json!({ "jsonrpc": "2.0", "id": source.json(1), "result": source.json(3) });
                    bytes.extend_from_slice(message.to_string().as_bytes());
                    messages.push(message);
                }
            }
            6..9 => bytes.extend_from_slice(source.pick::<&[u8]>(NOISE)),
            _ if source.chance(30) => {
                // What stands before the fault in the same line is still a message.
                let line = *source.pick::<&[u8]>(BROKEN);
                if line.starts_with(b"{\"jsonrpc\":\"2.0\",\"id\":1}") {
                    messages.push(json!({ "jsonrpc": "2.0", "id": 1 }));
                }
                bytes.extend_from_slice(line);
                broken = true;
            }
            _ => {}
        }
        bytes.extend_from_slice(source.pick::<&[u8]>(&[b"\n", b"\r\n", b" \n\n"]));
    }
    let cuts = (0..source.below(6)).map(|_| source.below(bytes.len() + 1)).collect();
    Output { bytes, messages, broken, cuts }
}

fn check(mut output: Output) -> Result<&'static str, TestCaseError> {
    output.cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in output.cuts.into_iter().chain([output.bytes.len()]) {
        pieces.push(&output.bytes[from..cut]);
        from = cut;
    }
    let frames = read(&pieces);
    proptest::prop_assert_eq!(&frames, &read(&[&output.bytes]), "the cuts matter");
    let found: Vec<&Value> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Message(message) => Some(message),
            _ => None,
        })
        .collect();
    proptest::prop_assert_eq!(found, output.messages.iter().collect::<Vec<_>>());
    let broken = frames.iter().any(|frame| matches!(frame, Frame::Broken(_)));
    proptest::prop_assert_eq!(broken, output.broken);
    Ok(match (broken, output.messages.is_empty()) {
        (true, _) => "broken",
        (false, true) => "no message",
        (false, false) => "messages",
    })
}

#[test]
fn no_cut_and_no_noise_changes_the_messages() {
    explore(file!(), 400, 4, any_output, check).include(&["broken", "no message", "messages"]);
}

#[test]
fn no_bytes_are_too_strange() {
    let any_bytes = |source: &mut Source| {
        let alphabet = b"{}[]\":,\\n\n\r \x00\xff0aejsonrpc2.\xc3\xa4";
        let longest = if source.chance(20) { 3 } else { 300 };
        (0..source.below(longest)).map(|_| *source.pick(alphabet)).collect::<Vec<u8>>()
    };
    let outcomes = explore(file!(), 400, 2, any_bytes, |bytes| {
        let frames = read(&[&bytes]);
        let cut = bytes.len() / 2;
        proptest::prop_assert_eq!(&frames, &read(&[&bytes[..cut], &bytes[cut..]]));
        Ok(if frames.is_empty() { "nothing" } else { "something" })
    });
    outcomes.include(&["nothing", "something"]);
}
