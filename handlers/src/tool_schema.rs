//! The JSON Schemas of tools: whether one is fit to be registered, and whether arguments fit one before a call.
//!
//! A schema comes from another team's server and is taken for hostile. Whatever it says, reading it and checking arguments
//! with it ends soon: it is limited in size, depth and number of subschemas, it refers to nothing outside itself, its patterns
//! run in an engine that takes linear time and compile to little, and the work that one check would take is counted before it
//! is begun (see [`work`]). Dialects: JSON Schema 2020-12, which is what MCP takes a schema without `$schema` for, and with a
//! `$schema` also 2019-09 and draft 7, which generators still write.

mod scan;
#[cfg(test)]
mod tests;
mod work;

use std::fmt;

use jsonschema::{Draft, PatternOptions, ValidationOptions, Validator};
use serde_json::{Map, Value, json};

use self::{scan::Scan, work::Work};
use crate::error::shorten;

/// Largest schema in bytes of JSON.
pub const LARGEST_SCHEMA: usize = 64 * 1024;
/// Largest arguments of a call in bytes of JSON.
pub const LARGEST_ARGUMENTS: usize = 64 * 1024;
/// Deepest nesting of objects and lists in a schema. DynamoDB stores 32 levels, of which an entry has some around the schema.
pub const DEEPEST_SCHEMA: usize = 24;
/// Most subschemas, the schema itself included.
pub const MOST_SUBSCHEMAS: usize = 1000;
/// Most regular expressions.
pub const MOST_PATTERNS: usize = 64;
/// Longest regular expression in characters.
pub const LONGEST_PATTERN: usize = 500;
/// Largest compiled regular expression in bytes.
const LARGEST_REGEX: usize = 1024 * 1024;
/// How many problems are told at once.
pub const MOST_PROBLEMS: usize = 10;
/// Longest description of one problem in characters.
const LONGEST_PROBLEM: usize = 300;

/// The dialects by the URI in `$schema`, which may end in an empty fragment.
const DIALECTS: [(&str, Draft); 5] = [
    ("https://json-schema.org/draft/2020-12/schema", Draft::Draft202012),
    ("https://json-schema.org/draft/2019-09/schema", Draft::Draft201909),
    ("http://json-schema.org/draft-07/schema", Draft::Draft7),
    ("https://json-schema.org/draft-07/schema", Draft::Draft7),
    ("http://json-schema.org/schema", Draft::Draft202012),
];

/// What is wrong at a place: a JSON Pointer (RFC 6901), empty for the whole document, and the reason.
pub type Problem = (String, String);

/// Why a call's arguments were not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The arguments do not fit the schema: problems with places in the arguments, for whoever made the call.
    Arguments(Vec<Problem>),
    /// The schema is not one that can be checked with: problems with places in the schema, for the owner of the server.
    Schema(Vec<Problem>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Arguments(problems) | Self::Schema(problems)) = self;
        let lines = problems.iter().map(|(pointer, reason)| match pointer.as_str() {
            "" => reason.clone(),
            pointer => format!("{pointer}: {reason}"),
        });
        f.write_str(&lines.collect::<Vec<_>>().join("; "))
    }
}

/// What keeps a schema from being the `inputSchema` or `outputSchema` of a tool: at most [`MOST_PROBLEMS`] problems, each
/// with its place in the schema. None: it is fit.
pub fn problems(schema: &Value) -> Vec<Problem> {
    sound(schema).err().unwrap_or_default()
}

/// Checks the arguments of a call against the schema of its tool. `format` is an annotation and not checked.
///
/// # Errors
/// The arguments do not fit, or the schema is unfit itself, as one may be that was put into the registry by hand.
pub fn check(schema: &Value, arguments: &Map<String, Value>) -> Result<(), Refusal> {
    let (scan, draft) = structure(schema).map_err(Refusal::Schema)?;
    let arguments = Value::Object(arguments.clone());
    let size = arguments.to_string().len();
    if size > LARGEST_ARGUMENTS {
        let reason = format!("the arguments have {size} bytes of JSON, at most {LARGEST_ARGUMENTS} are allowed");
        return Err(Refusal::Arguments(vec![(String::new(), reason)]));
    }
    Work::new(&scan).of(schema, Some(&arguments)).map_err(|reason| {
        Refusal::Arguments(vec![(String::new(), format!("checking these arguments would take too long: {reason}"))])
    })?;
    let validator = compile(schema, draft).map_err(|problem| Refusal::Schema(vec![problem]))?;
    let problems: Vec<Problem> =
        validator.iter_errors(&arguments).take(MOST_PROBLEMS).map(|error| told(&error)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Arguments(problems)) }
}

/// Everything that is asked of a schema.
fn sound(schema: &Value) -> Result<(), Vec<Problem>> {
    let (scan, draft) = structure(schema)?;
    let meta = match draft {
        Draft::Draft7 => jsonschema::draft7::meta::validator(),
        Draft::Draft201909 => jsonschema::draft201909::meta::validator(),
        _ => jsonschema::draft202012::meta::validator(),
    };
    let problems: Vec<Problem> = meta.iter_errors(schema).take(MOST_PROBLEMS).map(|error| told(&error)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let wrong = scan.patterns.iter().filter(|(_, pattern)| compile(&json!({ "pattern": pattern }), draft).is_err());
    let problems: Vec<Problem> = wrong
        .take(MOST_PROBLEMS)
        .map(|(pointer, pattern)| {
            let pattern = shorten(pattern, 60);
            let reason = format!(
                "\"{pattern}\" is not a regular expression that runs in linear time and compiles to at most \
                 {LARGEST_REGEX} bytes; look-around and back-references do not"
            );
            (pointer.clone(), reason)
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    for (pointer, subschema) in &scan.subschemas {
        Work::new(&scan).of(subschema, None).map_err(|reason| vec![(pointer.clone(), reason)])?;
    }
    compile(schema, draft).map(drop).map_err(|problem| vec![problem])
}

/// The subschemas of a schema within the limits, and its dialect.
fn structure(schema: &Value) -> Result<(Scan<'_>, Draft), Vec<Problem>> {
    let whole = |reason: String| vec![(String::new(), reason)];
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(whole("must be a JSON Schema with type \"object\"".into()));
    }
    if !nested_within(schema, DEEPEST_SCHEMA) {
        return Err(whole(format!("is nested more than {DEEPEST_SCHEMA} levels deep")));
    }
    let size = schema.to_string().len();
    if size > LARGEST_SCHEMA {
        return Err(whole(format!("has {size} bytes of JSON, at most {LARGEST_SCHEMA} are allowed")));
    }
    let draft = match schema.get("$schema") {
        None => Draft::Draft202012,
        Some(uri) => dialect(uri).ok_or_else(|| {
            let reason = "must be the URI of JSON Schema 2020-12, 2019-09 or draft 7; it can be left out for 2020-12";
            vec![("/$schema".to_owned(), reason.to_owned())]
        })?,
    };
    Ok((Scan::of(schema)?, draft))
}

fn dialect(uri: &Value) -> Option<Draft> {
    let uri = uri.as_str()?;
    let uri = uri.strip_suffix('#').unwrap_or(uri);
    DIALECTS.iter().find(|(known, _)| *known == uri).map(|(_, draft)| *draft)
}

/// Whether a document has at most `levels` objects and lists around any value.
fn nested_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(fields) => levels > 0 && fields.values().all(|inner| nested_within(inner, levels - 1)),
        Value::Array(items) => levels > 0 && items.iter().all(|inner| nested_within(inner, levels - 1)),
        _ => true,
    }
}

/// A validator that reaches for nothing outside the schema.
fn compile(schema: &Value, draft: Draft) -> Result<Validator, Problem> {
    // Its own name means nothing, since nothing can refer to it, and must not be one that the validator knows.
    let mut nameless = schema.clone();
    if let Some(keywords) = nameless.as_object_mut() {
        keywords.remove("$id");
    }
    let options: ValidationOptions = jsonschema::options();
    options
        .with_draft(draft)
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_REGEX))
        .build(&nameless)
        .map_err(|error| told(&error))
}

/// A finding of the validator, short and on one line.
fn told(error: &jsonschema::ValidationError<'_>) -> Problem {
    (shorten(error.instance_path().as_str(), LONGEST_PROBLEM), shorten(&error.to_string(), LONGEST_PROBLEM))
}
