use serde_json::json;

use super::*;

mod fuzz;

/// Everything that comes out when these pieces are read one after the other, and the child then closes its output.
fn read(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut frames = Frames::default();
    let mut all = Vec::new();
    for piece in pieces {
        frames.space().extend_from_slice(piece);
        all.extend(std::iter::from_fn(|| frames.next()));
    }
    all.extend(std::iter::from_fn(|| frames.finish()));
    all
}

fn message(id: u64) -> Frame {
    Frame::Message(json!({ "jsonrpc": "2.0", "id": id, "result": {} }))
}

fn line(id: u64) -> Vec<u8> {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n").into_bytes()
}

#[test]
fn messages_are_found_however_the_pipe_cuts_and_joins_them() {
    let two = [line(1), line(2)].concat();
    for cut in 0..two.len() {
        let (left, right) = two.split_at(cut);
        assert_eq!(read(&[left, right]), [message(1), message(2)], "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = two.chunks(1).collect();
    assert_eq!(read(&bytes), [message(1), message(2)]);
}

#[test]
fn line_ends_blanks_and_a_byte_order_mark_do_not_matter() {
    let cases: [&[u8]; 5] = [
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r\n",
        b"\n\n  {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}  \n\r\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        b"\t{ \"jsonrpc\" : \"2.0\" , \"id\" : 1 , \"result\" : { } }\r",
        b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]\n",
    ];
    for case in cases {
        assert_eq!(read(&[case]), [message(1)], "{}", String::from_utf8_lossy(case));
    }
}

#[test]
fn several_messages_may_share_a_line() {
    let joined = [line(1).trim_ascii_end(), line(2).trim_ascii_end(), b" ", &line(3)].concat();
    assert_eq!(read(&[&joined]), [message(1), message(2), message(3)]);
    let batch = b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}, {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]\n";
    assert_eq!(read(&[batch]), [message(1), message(2)]);
}

#[test]
fn what_is_printed_between_messages_is_text() {
    let banners = [
        "Secure MCP Filesystem Server running on stdio",
        "[INFO] listening",
        "[2026-11-21] got {\"jsonrpc\":\"2.0\"}",
        "{'jsonrpc': '2.0'}",
        "{not json}",
        "{\"level\":30,\"msg\":\"a line of a logger\"}",
        "{\"msg\":\"sent {\\\"jsonrpc\\\":\\\"2.0\\\"}",
        "{\"id\":1,\"jsonrpc\":\"1.0\"}",
        "█████ 40%",
    ];
    for banner in banners {
        let output = [banner.as_bytes(), b"\n", &line(1)].concat();
        assert_eq!(read(&[&output]), [Frame::Text(Bytes::from(banner)), message(1)], "{banner}");
    }
    let binary = [b"\xff\xfe\x00binary\n".as_slice(), &line(1)].concat();
    assert_eq!(read(&[&binary]), [Frame::Text(Bytes::from_static(b"\xff\xfe\0binary")), message(1)]);
}

#[test]
fn a_message_that_cannot_be_read_is_broken() {
    let deep = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let cases: [&[u8]; 6] = [
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"value\":NaN}}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"res",
        b"[{\"jsonrpc\":\"2.0\",\"id\":1\n",
        deep.as_bytes(),
    ];
    for case in cases {
        let frames = read(&[case]);
        assert!(matches!(&frames[..], [Frame::Broken(_)]), "{}: {frames:?}", String::from_utf8_lossy(case));
    }
}

#[test]
fn half_a_character_costs_no_message() {
    let line = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"cut \\ud83d\"}\n";
    let expected = json!({ "jsonrpc": "2.0", "id": 1, "result": "cut \u{fffd}" });
    assert_eq!(read(&[line]), [Frame::Message(expected)]);
}

#[test]
fn a_line_has_a_limit_and_is_not_kept_beyond_it() {
    let answer = |length: usize| {
        let mut line = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"".to_vec();
        line.resize(length - 2, b'x');
        line.extend_from_slice(b"\"}");
        line
    };
    let (fits, too_long) = (answer(LONGEST_LINE), answer(LONGEST_LINE + 1));
    assert!(matches!(&read(&[&fits, b"\n"])[..], [Frame::Message(_)]));
    let frames = read(&[&too_long, b"\n"]);
    assert_eq!(frames, [Frame::Broken("a line of its output is longer than 16 MiB".to_owned())]);
    // Without a line end, too: nobody waits for it for ever.
    let mut frames = Frames::default();
    frames.space().extend_from_slice(&vec![b'x'; LONGEST_LINE]);
    assert_eq!(frames.next(), None);
    frames.space().extend_from_slice(b"x");
    assert!(matches!(frames.next(), Some(Frame::Broken(_))));
    for _ in 0..3 {
        frames.space().extend_from_slice(&vec![b'x'; LONGEST_LINE]);
        assert_eq!(frames.next(), None);
        assert!(frames.buffer.is_empty());
    }
    frames.space().extend_from_slice(b"\n");
    frames.space().extend_from_slice(&line(2));
    assert_eq!(frames.next(), Some(message(2)));
}

#[test]
fn the_room_of_a_large_answer_is_given_back() {
    let mut frames = Frames::default();
    frames.space().extend_from_slice(&vec![b' '; LONGEST_LINE / 2]);
    frames.space().extend_from_slice(&line(1));
    assert_eq!(frames.next(), Some(message(1)));
    assert_eq!(frames.next(), None);
    assert!(frames.buffer.capacity() <= KEPT_BUFFER);
}
