use std::time::Duration;

use super::*;

fn chatter(secrets: &[&str]) -> Chatter {
    Chatter::new("git", secrets.iter().map(|secret| (*secret).to_owned()), RequestId::default())
}

#[test]
fn secrets_do_not_reach_the_log() {
    let chatter = chatter(&["hush-hush", "hush-hush-hush", "-----KEY-----\nMIIEvQ==\n-----END", "abc"]);
    let cases = [
        ("token=hush-hush!", "token=***!"),
        ("hush-hush-hush", "***"),
        ("-----KEY-----", "***"),
        ("  MIIEvQ==", "  ***"),
        // Too short to be a secret.
        ("abc", "abc"),
    ];
    for (line, expected) in cases {
        assert_eq!(chatter.readable(line.as_bytes()), expected);
    }
}

#[test]
fn cutting_a_line_leaves_no_part_of_a_secret() {
    let chatter = chatter(&["hush-hush"]);
    for before in LONGEST_LINE - 12..LONGEST_LINE + 2 {
        let line = format!("{}hush-hush{}", "x".repeat(before), "y".repeat(100));
        let readable = chatter.readable(line.as_bytes());
        assert!(readable.ends_with(" …") && !readable.contains("hush"), "{before}");
    }
}

#[test]
fn what_is_no_text_is_made_readable() {
    let chatter = chatter(&[]);
    assert_eq!(chatter.readable(b"\xff ok"), "\u{fffd} ok");
    let long = chatter.readable("ü".repeat(10_000).as_bytes());
    assert!(long.len() <= LONGEST_LINE + 4, "{}", long.len());
}

#[test]
fn a_flood_is_counted_and_left_out() {
    let begin = Instant::now();
    let mut budget = Budget { lines: BURST, filled: begin, dropped: 0 };
    let taken = (0..BURST + 50).filter(|_| budget.take(begin).is_some()).count();
    assert_eq!(taken, BURST as usize);
    let later = begin + Duration::from_secs(1);
    assert_eq!((budget.take(later), budget.take(later)), (Some(50), Some(0)));
    let much_later = begin + Duration::from_secs(3600);
    assert_eq!((0..BURST * 2).filter(|_| budget.take(much_later).is_some()).count(), BURST as usize);
}

#[tokio::test]
async fn a_pipe_is_drained_to_its_end_whatever_comes() {
    let chatter = chatter(&[]);
    let output = [b"a\nb\r\n\n".as_slice(), &b"x".repeat(1_000_000), b"\xff\n", b"last"].concat();
    // Nothing is earned on the way.
    chatter.budget.lock().unwrap().filled += Duration::from_secs(3600);
    chatter.clone().drain("stderr", output.as_slice()).await;
    // a, b, the long line, last.
    assert_eq!(chatter.budget.lock().unwrap().lines, BURST - 4);
}
