//! What the property tests of all doors share: hostile inputs, a runner that counts outcomes, and what a refusal must be.
//!
//! `make test` runs some hundred cases of each property, `make fuzz CASES=1000000` as many as one likes. A property names the
//! outcome of every case, and the test states which outcomes must have occurred: inputs that all fail at the first check
//! would prove nothing.

use std::{cell::RefCell, collections::BTreeMap, fmt::Debug, time::Instant};

use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use serde_json::{Value, json};

/// How often each outcome occurred.
pub(crate) struct Outcomes {
    cases: u32,
    counts: BTreeMap<&'static str, u32>,
}

impl Outcomes {
    /// Asserts that each of these outcomes occurred in at least one case of a thousand.
    #[track_caller]
    pub(crate) fn include(&self, expected: &[&str]) {
        for outcome in expected {
            let count = self.counts.get(outcome).copied().unwrap_or_default();
            assert!(u64::from(count) * 1000 >= u64::from(self.cases), "too few are \"{outcome}\": {:?}", self.counts);
        }
    }
}

/// Runs a property on `usual` inputs, or on as many as `PROPTEST_CASES` says, divided by `cost`: what one case costs compared
/// to a pure function. `file` is `file!()`; what fails is kept under `proptest-regressions` and tried first from then on.
pub(crate) fn explore<T: Debug>(
    file: &'static str,
    usual: u32,
    cost: u32,
    input: impl Fn(&mut Source) -> T,
    property: impl Fn(T) -> Result<&'static str, TestCaseError>,
) -> Outcomes {
    let defaults = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| defaults.cases / cost);
    let cases = asked.unwrap_or_default().max(usual);
    let config = ProptestConfig { cases, source_file: Some(file), max_shrink_iters: 20_000, ..defaults };
    let counts = RefCell::new(BTreeMap::new());
    let started = Instant::now();
    // Few draws for each input: one strategy for each part of it would take most of the time.
    let inputs = (any::<u64>(), 0..500_usize).prop_map(|(seed, draws)| input(&mut Source { state: seed, draws }));
    let result = TestRunner::new(config).run(&inputs, |input| {
        let outcome = property(input)?;
        *counts.borrow_mut().entry(outcome).or_default() += 1;
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let counts = counts.into_inner();
    eprintln!("{file}: {cases} cases in {:.1} s: {counts:?}", started.elapsed().as_secs_f64());
    Outcomes { cases, counts }
}

/// What everybody must be able to read: not empty, on one line, without control characters, at most `longest` characters.
pub(crate) fn readable(text: &str, longest: usize) -> Result<(), TestCaseError> {
    prop_assert!(!text.trim().is_empty(), "empty");
    prop_assert!(!text.contains(char::is_control), "control characters: {text:?}");
    let length = text.chars().count();
    prop_assert!(length <= longest, "{length} characters: {:?}", text.chars().take(300).collect::<String>());
    Ok(())
}

/// Texts that were somebody's bug before.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "\0",
    "\n",
    "a\r\nb",
    "\u{7f}",
    "\u{1b}[31m",
    "null",
    "true",
    "True",
    "~",
    "yes",
    "NaN",
    "inf",
    "1e999",
    "-0",
    "0x10",
    "3.0",
    "007",
    "99999999999999999999",
    "-9223372036854775808",
    "18446744073709551615",
    "[a, b]",
    "[a, [b, c]]",
    "[",
    "[]",
    "{x=1, y=[2]}",
    "{\"a\":1}",
    "[1, null, {}]",
    "\u{202e}txt",
    "\u{feff}",
    "\u{2028}",
    "e\u{301}",
    "\u{212a}",
    "💥",
    "../../etc",
    "$HOME",
    "${x}",
    "%00",
    "'; --",
    "<b>",
    "dev",
    "DEV",
    "prod",
    "1.0.0",
    "a@b",
    "#",
    "{specialists}",
];
/// Pieces of YAML that parsers read differently, or that cost more than they look.
const YAML: &[&str] = &[
    "[",
    "{a: ",
    "- ",
    "? ",
    "a: ",
    "&a ",
    "*a ",
    "<<: *a\n",
    "!!str ",
    "!x ",
    "!!binary ",
    "|",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# ",
    "\t",
    "\r\n",
    "\u{feff}",
    "~",
    "yes",
    "0o17",
    "017",
    "0x1F",
    "1_000",
    ".inf",
    "60.0",
    "6e2",
    "1e999",
    "\"\\ud800\"",
    "'",
    "\"",
];
/// Ordinary characters, and those that parsers trip over.
const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
const ODD: &str = "aZ9 \t\n\0\u{7f}\u{9b}\\\"'`{}[]:,#&*!|>%@/éßΩ漢💥\u{202e}\u{200d}\u{feff}\u{fffd}\u{10ffff}";
/// Lengths around the limits of the doors, and beyond them.
const LENGTHS: &[usize] =
    &[40, 41, 60, 63, 64, 65, 100, 101, 128, 200, 255, 256, 257, 500, 501, 1000, 1001, 1024, 1025, 2049, 5000, 20_000];

/// Makes an input out of a sequence of numbers. Where the sequence ends everything is zero, which is the first choice of each
/// kind: that is how a failing input becomes small.
pub(crate) struct Source {
    state: u64,
    draws: usize,
}

impl Source {
    /// Any number. SplitMix64, by Sebastiano Vigna (public domain).
    pub(crate) fn number(&mut self) -> u64 {
        let Some(left) = self.draws.checked_sub(1) else { return 0 };
        self.draws = left;
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Up to 14 characters of an alphabet.
    pub(crate) fn word(&mut self, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut seed = self.number();
        let mut letter = || {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            alphabet[(seed >> 33) as usize % alphabet.len()]
        };
        let length = self.below(15);
        (0..length).map(|_| letter()).collect()
    }

    /// A text: plain, awkward, odd or long.
    pub(crate) fn text(&mut self) -> String {
        match self.below(12) {
            0..4 => self.word(PLAIN),
            4..8 => (*self.pick(AWKWARD)).to_owned(),
            8..11 => self.word(ODD),
            _ => self.pick(&['x', '7', '\0', '"', 'ß', '💥', ' ', '[']).to_string().repeat(*self.pick(LENGTHS)),
        }
    }

    /// A number as JSON holds it; what is not finite becomes null.
    pub(crate) fn json_number(&mut self) -> Value {
        match self.below(5) {
            0 => Value::from(self.below(64)),
            1 => Value::from(self.number() as i64),
            2 => Value::from(self.number()),
            3 => Value::from(f64::from_bits(self.number())),
            _ => Value::from(*self.pick(&[
                -1.0,
                -0.0,
                1.0,
                1.5,
                1e15,
                1e16,
                1e300,
                5e-324,
                f64::MAX,
                9.007_199_254_740_993e15,
            ])),
        }
    }

    /// Any JSON value with at most `depth` levels.
    pub(crate) fn json(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0..3 => Value::from(self.text()),
            3 => self.json_number(),
            4 => Value::Null,
            5 => Value::from(self.chance(50)),
            6..8 => (0..self.below(4)).map(|_| self.json(depth - 1)).collect(),
            _ => (0..self.below(4)).map(|_| (self.text(), self.json(depth - 1))).collect(),
        }
    }

    /// One of these documents, with none to three changes anywhere in it.
    pub(crate) fn like(&mut self, documents: &[Value]) -> Value {
        let mut document = self.pick(documents).clone();
        for _ in 0..self.below(4) {
            self.change(&mut document);
        }
        document
    }

    /// A document of YAML: one like these as JSON, which is YAML, or the text with some places changed, or a trap for parsers.
    pub(crate) fn yaml(&mut self, documents: &[Value], text: &str) -> String {
        match self.below(10) {
            0..4 => self.like(documents).to_string(),
            4..8 => {
                let mut text: Vec<char> = text.chars().collect();
                for _ in 0..=self.below(3) {
                    let at = self.below(text.len());
                    let end = (at + self.below(12)).min(text.len());
                    let with = match self.below(3) {
                        0 => (*self.pick(YAML)).to_owned(),
                        1 => self.text(),
                        _ => String::new(),
                    };
                    text.splice(at..end, with.chars());
                }
                text.into_iter().collect()
            }
            8 => self.pick(YAML).repeat(self.below(3000)),
            _ => {
                let levels =
                    (1..self.below(30)).map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{},", i - 1).repeat(9)));
                "a0: &a0 [x]\n".to_owned() + &levels.collect::<String>() + text
            }
        }
    }

    fn change(&mut self, document: &mut Value) {
        let mut places = Vec::new();
        list_places(document, &mut String::new(), &mut places);
        let place = self.pick(&places).clone();
        let target = document.pointer(&place).cloned().unwrap_or_default();
        let put = match self.below(16) {
            0..5 => Value::from(self.text()),
            5 | 6 => self.json_number(),
            7 => Value::from(self.chance(50)),
            8 => Value::Null,
            9 => self.json(3),
            10 => document.pointer(self.pick(&places).as_str()).cloned().unwrap_or_default(),
            // `serde_json` reads 127 levels; three changes stay below that.
            11 => {
                let array = self.chance(50);
                let depth = self.below(40);
                (0..depth).fold(target, |inner, _| if array { json!([inner]) } else { json!({ "a": inner }) })
            }
            other => return self.change_around(document, &place, &target, other),
        };
        if let Some(slot) = document.pointer_mut(&place) {
            *slot = put;
        }
    }

    /// A change of the object or array around a place: something less, something twice, another name.
    fn change_around(&mut self, document: &mut Value, place: &str, target: &Value, which: usize) {
        let Some((parent, last)) = place.rsplit_once('/') else {
            *document = Value::Null;
            return;
        };
        let key = last.replace("~1", "/").replace("~0", "~");
        match document.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                if which != 14 {
                    fields.remove(&key);
                }
                if which > 13 {
                    fields.insert(if which == 14 { format!("{key}2") } else { self.text() }, target.clone());
                }
            }
            Some(Value::Array(items)) if which == 14 => items.push(target.clone()),
            Some(Value::Array(items)) => items.retain(|item| item != target),
            _ => {}
        }
    }
}

fn list_places(value: &Value, here: &mut String, places: &mut Vec<String>) {
    places.push(here.clone());
    let length = here.len();
    let mut descend = |key: &str, inner: &Value| {
        here.push('/');
        here.push_str(key);
        list_places(inner, here, places);
        here.truncate(length);
    };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, inner)| descend(&key.replace('~', "~0").replace('/', "~1"), inner));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| descend(&index.to_string(), inner));
        }
        _ => {}
    }
}
