//! What holds for every message.

use proptest::prelude::*;

use super::*;

/// Words that pull the planner in every direction.
const WORDS: &[&str] = &[
    "deploy",
    "create",
    "launch",
    "delete",
    "show",
    "what",
    "is",
    "the",
    "a",
    "for",
    "in",
    "on",
    "to",
    "from",
    "and",
    "not",
    "don't",
    "without",
    "three",
    "3",
    "server",
    "servers",
    "network",
    "VPC",
    "app",
    "billing",
    "2.3.1",
    "t3.large",
    "acme",
    "globex's",
    "tenant",
    "environment",
    "dev",
    "test",
    "staging",
    "production",
    "prod",
    "pre",
    "qa",
    "product",
    "devices",
    "stage",
    "testing",
    "region",
    "eu-west-1",
    "status",
    "execution",
    "again",
    "same",
    "it",
    "?",
    ",",
    ".",
    "please",
    "record",
    "succeeded",
    "environment:",
    "tenant=acme",
    "\"quoted name\"",
    "'s",
    "für",
    "日本",
    "😀",
    "bootstrap",
    "compute",
    "version",
    "0191a3c4-7d2e-7abc-8def-0123456789ab",
    "no",
    "yes",
    "or",
    "then",
    "but",
    "A",
    "last",
    "5",
    "x",
    "run",
];

/// Everything a user may call an environment by.
const ENVIRONMENTS: &[(&str, &[&str])] = &[
    ("dev", &["dev", "devel", "development"]),
    ("test", &["test", "testing", "tst", "tes"]),
    ("staging", &["staging", "stage", "stg", "sta", "stag", "stagi", "stagin"]),
    ("prod", &["prod", "production", "prd", "pro"]),
];

fn check(messages: &[String]) {
    let mut history = Vec::new();
    let mut said = String::new();
    for message in messages {
        said.push_str(&message.to_lowercase());
        said.push(' ');
        let (calls, answer) = turn(&EXTENDED, "orchestrator", &mut history, message, willing);
        assert!(!answer.trim().is_empty());
        for call in &calls {
            if let Some(environment) = call.parameters.get("environment") {
                let names = ENVIRONMENTS.iter().find(|(name, _)| name == environment).map(|(_, names)| *names);
                let names = names.unwrap_or_else(|| panic!("{environment} is no environment"));
                let words = said.split(|c: char| !c.is_alphanumeric());
                assert!(
                    words.clone().any(|word| names.contains(&word)),
                    "{environment} was invented: {messages:?} {call:?}"
                );
            }
            if let Some(tenant) = call.parameters.get("tenant_id") {
                assert!(said.contains(&tenant.to_lowercase()), "{tenant} was invented: {messages:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_answered_and_nothing_is_invented(
        messages in prop::collection::vec(prop::collection::vec(prop::sample::select(WORDS), 1..12), 1..4)
    ) {
        check(&messages.iter().map(|words| words.join(" ")).collect::<Vec<_>>());
    }

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        check(&[text]);
    }

    #[test]
    fn a_negated_wish_starts_nothing(words in prop::collection::vec(prop::sample::select(WORDS), 0..8)) {
        let words: Vec<&str> = words.into_iter().filter(|word| !matches!(*word, "." | "," | "?" | "but" | "then" | "and" | "or" | "record" | "again")).collect();
        let text = format!("do not deploy {}", words.join(" "));
        let (calls, answer) = turn(&EXTENDED, "orchestrator", &mut Vec::new(), &text, willing);
        prop_assert!(calls.iter().all(|call| call.function.starts_with("query") || call.function.starts_with("get")), "{text}: {calls:?} {answer}");
    }

    #[test]
    fn the_same_history_gives_the_same_decision(words in prop::collection::vec(prop::sample::select(WORDS), 1..12)) {
        let history = [Message::User(words.join(" "))];
        prop_assert_eq!(next(&EXTENDED, "orchestrator", &history), next(&EXTENDED, "orchestrator", &history));
    }
}
