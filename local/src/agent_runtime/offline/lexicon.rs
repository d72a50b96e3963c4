//! Words of general English about infrastructure: what the planner knows about language.
//!
//! Nothing here belongs to one agent or one function. Every word is listed as people write it; comparison happens on stems
//! ([`super::text::stem`]).

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::text::stem;

/// What kind of doing a verb means. A wish only goes to a function that does the same kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// Wants to know something; changes nothing.
    Ask,
    /// Brings something about.
    Make,
    /// Brings a thing that may exist to a version: met by what deploys.
    Upgrade,
    /// Writes down what happened.
    Record,
    /// Says only that something is wanted: "need", "give me".
    Light,
    /// Everything else (delete, stop, approve, restart, ...): met only by the very same verb.
    Other,
}

type Verb = (Family, &'static str, &'static [&'static str]);

/// Family, concept, words.
const VERBS: &[Verb] = &[
    (
        Family::Ask,
        "show",
        &[
            "show",
            "list",
            "display",
            "print",
            "describe",
            "enumerate",
            "view",
            "see",
            "explain",
            "summarize",
            "summarise",
        ],
    ),
    (
        Family::Ask,
        "query",
        &[
            "query", "search", "find", "look", "check", "inspect", "fetch", "read", "lookup", "examine", "verify",
            "count",
        ],
    ),
    (Family::Ask, "tell", &["tell", "know", "report", "say", "wonder", "remind", "ask"]),
    (Family::Ask, "watch", &["watch", "monitor", "track", "follow"]),
    (
        Family::Make,
        "deploy",
        &[
            "deploy", "ship", "release", "roll", "rollout", "publish", "install", "promote", "push", "redeploy",
            "deliver",
        ],
    ),
    (
        Family::Make,
        "create",
        &[
            "create",
            "build",
            "make",
            "establish",
            "prepare",
            "bootstrap",
            "generate",
            "construct",
            "initialise",
            "initialize",
            "add",
            "setup",
            "erect",
        ],
    ),
    (
        Family::Make,
        "provision",
        &["provision", "launch", "allocate", "spin", "order", "reserve", "spawn", "supply", "procure"],
    ),
    (Family::Make, "start", &["start", "run", "execute", "trigger", "begin", "kick", "invoke", "fire"]),
    (Family::Upgrade, "upgrade", &["upgrade", "update", "bump"]),
    (Family::Record, "record", &["record", "note", "log", "register", "document", "remember"]),
    (
        Family::Light,
        "want",
        &[
            "want", "need", "give", "get", "have", "like", "require", "put", "use", "let", "please", "take", "bring",
            "set", "help", "go", "stand", "do", "try",
        ],
    ),
    (
        Family::Other,
        "delete",
        &[
            "delete",
            "remove",
            "destroy",
            "tear",
            "drop",
            "erase",
            "wipe",
            "purge",
            "clean",
            "uninstall",
            "decommission",
            "undeploy",
            "dispose",
            "kill",
            "nuke",
        ],
    ),
    (Family::Other, "stop", &["stop", "halt", "shut", "terminate", "pause", "suspend", "disable"]),
    (Family::Other, "cancel", &["cancel", "abort", "revoke"]),
    (Family::Other, "undo", &["undo", "revert", "rollback", "downgrade"]),
    (Family::Other, "restart", &["restart", "reboot", "reset", "recycle", "bounce"]),
    (
        Family::Other,
        "scale",
        &["scale", "resize", "grow", "shrink", "extend", "enlarge", "increase", "decrease", "reduce"],
    ),
    (
        Family::Other,
        "change",
        &["change", "modify", "edit", "alter", "adjust", "configure", "tune", "replace", "rename"],
    ),
    (Family::Other, "move", &["move", "migrate", "copy", "clone", "transfer", "import", "export", "sync"]),
    (Family::Other, "backup", &["backup", "snapshot", "archive"]),
    (Family::Other, "restore", &["restore", "recover", "failover"]),
    (Family::Other, "fix", &["fix", "repair", "debug", "patch", "troubleshoot", "diagnose", "optimise", "optimize"]),
    (Family::Other, "approve", &["approve", "reject", "confirm", "grant", "authorise", "authorize", "deny"]),
    (Family::Other, "rotate", &["rotate", "encrypt", "decrypt", "sign"]),
    (Family::Other, "send", &["send", "email", "mail", "notify", "write", "call", "translate", "play", "sing", "cook"]),
    (Family::Other, "schedule", &["schedule", "postpone", "delay", "defer"]),
    (
        Family::Other,
        "prevent",
        &[
            "prevent",
            "forbid",
            "prohibit",
            "ban",
            "refuse",
            "decline",
            "skip",
            "hold",
            "freeze",
            "cease",
            "quit",
            "omit",
            "ignore",
            "exclude",
            "veto",
            "oppose",
            "discourage",
            "avoid",
            "block",
            "hate",
            "dislike",
            "fear",
            "dread",
            "warn",
        ],
    ),
    (
        Family::Other,
        "consider",
        &[
            "consider",
            "discuss",
            "review",
            "evaluate",
            "estimate",
            "simulate",
            "pretend",
            "imagine",
            "suppose",
            "assume",
            "propose",
            "suggest",
            "recommend",
            "hope",
            "plan",
            "draft",
            "preview",
            "rehearse",
            "mock",
            "fake",
        ],
    ),
];

/// Verbs that mean something else with a particle: "roll back", "set up", "shut down". The particle follows within a few
/// words ("set the network up").
const PHRASES: &[(&str, &str, &str)] = &[
    ("roll", "back", "rollback"),
    ("set", "up", "create"),
    ("put", "up", "create"),
    ("bring", "up", "create"),
    ("stand", "up", "create"),
    ("go", "live", "deploy"),
    ("bring", "down", "delete"),
    ("take", "down", "delete"),
    ("write", "down", "record"),
    ("back", "up", "backup"),
    ("put", "live", "deploy"),
    ("put", "out", "deploy"),
    ("get", "rid", "delete"),
];

/// Words for the same kind of thing. The first word names the concept.
const NOUNS: &[&[&str]] = &[
    &["server", "instance", "machine", "vm", "vms", "box", "node", "host", "ec2"],
    &["network", "networking", "vpc", "subnet", "subnetwork", "acl"],
    &["foundation", "infrastructure", "infra", "groundwork", "baseline", "scaffolding"],
    &["app", "application", "service", "microservice", "component", "workload"],
    &["database", "db", "dbs", "postgres", "postgresql", "mysql", "mariadb", "rds", "aurora", "sql", "schema"],
    &["dns", "domain", "hostname", "cname", "nameserver"],
    &["storage", "disk", "volume"],
    &["cluster", "kubernetes", "k8s", "eks"],
    &["queue", "sqs", "topic"],
    &["cache", "redis", "memcached"],
    &["certificate", "cert", "tls", "ssl"],
    &["bucket", "s3"],
    &["tenant", "customer", "client", "organisation", "organization", "team"],
    &["environment", "env"],
    &["status", "state", "progress"],
    &["history", "past"],
    &["gb", "gib", "gigabyte", "gig"],
    &["tb", "tib", "terabyte"],
    &["mb", "mib", "megabyte"],
];

/// Words that stand for the same value.
const ALIASES: &[&[&str]] = &[
    &["dev", "development", "devel"],
    &["test", "testing", "tst"],
    &["staging", "stage", "stg"],
    &["prod", "production", "prd"],
    &["preprod", "preproduction", "pre-prod", "pre-production"],
    &["postgres", "postgresql", "pg"],
    &["small", "little", "tiny"],
    &["large", "big"],
    &["succeeded", "success", "successful", "successfully", "succeed"],
    &["failed", "fail", "failure", "unsuccessful", "unsuccessfully"],
    &["cancelled", "canceled", "aborted"],
];

/// Places: a value of such a parameter comes after "in", "on", "to".
pub(super) const PLACES: &[&str] = &["environment", "env", "region", "zone", "location", "stage", "datacenter"];

/// Parties: somebody something is done for; the value comes after "for", "of", or is a possessive.
pub(super) const PARTIES: &[&str] =
    &["tenant", "customer", "client", "organisation", "organization", "team", "owner", "account"];

/// A parameter described with one of these takes the wish as it is written.
pub(super) const FREE_TEXT: &[&str] = &["sentence", "instruction", "message", "question", "prompt", "task", "wish"];

/// States in which work is still going on.
pub(super) const OPEN_STATES: &[&str] =
    &["starting", "running", "awaiting_approval", "pending", "queued", "created", "in_progress", "scheduled"];

/// States in which work has reached its goal or is on the way there.
pub(super) const GOOD_STATES: &[&str] = &["succeeded", "success", "done", "completed", "available", "active"];

/// States that need a person.
pub(super) const ENDED_STATES: &[&str] = &["failed", "cancelled", "canceled", "error", "aborted"];

/// Words that carry no content of a wish.
const STOP: &str = "a an the this that these those it its them they he she i we you me us my our your their his her one ones \
    in on at to into onto from for of by with within under inside and or but plus then than so as if also too not no never \
    is are was were be been being am do does did done has have had can could would will shall should may might must let lets \
    please hi hello hey ok okay yes yeah sure thanks thank just now currently right here there today yesterday tomorrow soon \
    again still already yet ever currently really very quickly asap again back up down out off over about some any all each every \
    everything something anything nothing stuff thing things what which who whom whose when where why how much many few \
    want need give get like make use using called named name type kind id number count last latest newest recent recently first \
    next previous new old fresh another other more less most only same instead well good great nice kindly go going gone say \
    via per each both either neither because since until while during before after between without except rather \
    present up-to-date people person somebody someone anyone who's user users request ask let's happen happened \
    live exist exists available ready side piece amount level total maybe perhaps exactly around about example result results \
    morning evening afternoon tonight later nobody noone none everybody anybody whoever whomever whatever whichever hmm hm \
    uh um er oh dunno idk wait nah regarding \
    concerning despite against re fine working broken slow happening wrong finish finished complete completed over through";

/// Nouns a question can be about without naming a thing.
const ASKING_NOUNS: &[&str] =
    &["status", "state", "progress", "history", "overview", "summary", "list", "info", "information", "detail", "news"];

/// Words a question begins with.
const QUESTION_STARTS: &[&str] = &[
    "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "is", "are", "was", "were", "does", "did",
    "has", "have", "do", "any", "should", "anything", "am", "had",
];

const ARTICLES: &[&str] =
    &["a", "an", "the", "our", "my", "their", "your", "this", "that", "some", "new", "another", "his", "its"];

const PLACE_PREPOSITIONS: &[&str] =
    &["in", "on", "to", "at", "into", "onto", "for", "inside", "within", "against", "under", "of"];

const NUMBERS: &[(&str, i64)] = &[
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("dozen", 12),
    ("couple", 2),
    ("pair", 2),
    ("single", 1),
];

static VERB_INDEX: LazyLock<HashMap<String, (Family, &'static str)>> = LazyLock::new(|| {
    VERBS
        .iter()
        .flat_map(|(family, concept, words)| words.iter().map(move |word| (stem(word), (*family, *concept))))
        .collect()
});

static NOUN_INDEX: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let named = NOUNS.iter().filter_map(|words| words.first().map(|concept| (*concept, *words)));
    named.flat_map(|(concept, words)| words.iter().map(move |word| (stem(word), concept))).collect()
});

static STOP_INDEX: LazyLock<HashSet<&'static str>> = LazyLock::new(|| STOP.split_whitespace().collect());

static CIRCUMSTANCES: LazyLock<HashSet<String>> =
    LazyLock::new(|| PLACES.iter().chain(PARTIES).map(|word| concept(&stem(word)).to_owned()).collect());

static ASKING_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| ASKING_NOUNS.iter().map(|noun| stem(noun)).collect());

/// Family and concept of a verb, by its stem.
pub(super) fn verb(stem: &str) -> Option<(Family, &'static str)> {
    VERB_INDEX.get(stem).copied()
}

/// Whether a word is a verb as it stands in an order: "deploy", not "deploys", "deployed" or "deploying".
pub(super) fn is_plain_verb(word: &str) -> bool {
    VERBS.iter().any(|(_, _, words)| words.contains(&word))
}

/// What a verb with a particle means, as a stem that [`verb`] knows.
pub(super) fn phrase(first: &str, particle: &str) -> Option<String> {
    PHRASES
        .iter()
        .find(|(verb, second, _)| stem(verb) == first && *second == particle)
        .map(|(.., meaning)| stem(meaning))
}

/// The concept of a noun: words for the same kind of thing have the same one.
pub(super) fn concept(stem: &str) -> &str {
    NOUN_INDEX.get(stem).copied().unwrap_or(stem)
}

/// Whether the lexicon has the noun.
pub(super) fn is_noun(stem: &str) -> bool {
    NOUN_INDEX.contains_key(stem)
}

/// Whether a word carries no content.
pub(super) fn is_stop(word: &str) -> bool {
    STOP_INDEX.contains(word)
}

pub(super) fn is_article(word: &str) -> bool {
    ARTICLES.contains(&word)
}

pub(super) fn is_place_preposition(word: &str) -> bool {
    PLACE_PREPOSITIONS.contains(&word)
}

pub(super) fn starts_question(word: &str) -> bool {
    QUESTION_STARTS.contains(&word)
}

/// Whether a question can be about this noun alone, by its stem.
pub(super) fn is_asking_noun(stem: &str) -> bool {
    ASKING_STEMS.contains(stem)
}

/// Whether a concept says where or for whom, which every wish does.
pub(super) fn is_circumstance(concept: &str) -> bool {
    CIRCUMSTANCES.contains(concept)
}

/// Whether two words stand for the same value.
pub(super) fn same_value(a: &str, b: &str) -> bool {
    a == b || ALIASES.iter().any(|words| words.contains(&a) && words.contains(&b))
}

/// The number a word says: digits, `3x`, `x3`, words up to a hundred, `twenty-five`.
pub(super) fn number(word: &str) -> Option<i64> {
    if let Ok(value) = word.parse() {
        return Some(value);
    }
    let bare = word.strip_suffix('x').or_else(|| word.strip_prefix('x'));
    if let Some(value) = bare.and_then(|digits| digits.parse().ok()) {
        return Some(value);
    }
    let simple = |word: &str| NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    match word.split_once('-') {
        Some((tens, units)) => {
            Some(simple(tens).filter(|tens| *tens >= 20)? + simple(units).filter(|units| *units < 10)?)
        }
        None => simple(word),
    }
}
