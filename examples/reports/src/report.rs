//! The tool `generate_report`: a report in Markdown.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::process::columns;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReportType {
    /// The rows, one below the other.
    Table,
    /// Of each column the range, the sum and the mean.
    Summary,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    title: Option<String>,
    rows: Vec<Map<String, Value>>,
}

/// Arguments of the tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    report_type: ReportType,
    #[serde(default, deserialize_with = "object_or_text")]
    parameters: Parameters,
}

/// An object, or one as JSON text: agents of Bedrock can send no objects.
fn object_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Parameters, D::Error> {
    let parameters = match Value::deserialize(from)? {
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    };
    parameters.map_err(|error| D::Error::custom(format!("parameters: {error}")))
}

/// JSON Schema of [`Arguments`].
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "report_type": {
                "type": "string",
                "enum": ["table", "summary"],
                "description": "The rows themselves, or the range, sum and mean of each column.",
            },
            "parameters": {
                "type": ["object", "string"],
                "description": "An object, or one as JSON text.",
                "properties": {
                    "title": { "type": "string" },
                    "rows": { "type": "array", "items": { "type": "object" }, "description": "What the report is about." },
                },
                "additionalProperties": false,
            },
        },
        "required": ["report_type"],
        "additionalProperties": false,
    })
}

/// Makes the report. Its id follows from what is in it: the same report has the same one.
///
/// # Errors
/// There are no rows to report on.
pub(crate) fn run(Arguments { report_type, parameters }: &Arguments) -> Result<Value, String> {
    let rows: Vec<Value> = parameters.rows.iter().cloned().map(Value::Object).collect();
    let columns = columns(&rows);
    if columns.is_empty() {
        return Err("parameters.rows is missing or has no columns: there is nothing to report on".to_owned());
    }
    let (name, header, lines) = match report_type {
        ReportType::Table => ("table", columns.keys().cloned().collect(), cells(&rows, &columns)),
        ReportType::Summary => ("summary", SUMMARY.map(str::to_owned).to_vec(), summary(&columns)),
    };
    let title = parameters.title.as_deref().unwrap_or("Report");
    let report = markdown(title, &header, &lines);
    let report_id = hex::encode(&Sha256::digest(&report)[..8]);
    Ok(json!({ "report_id": report_id, "report_type": name, "rows": rows.len(), "report": report }))
}

const SUMMARY: [&str; 6] = ["column", "values", "least", "most", "sum", "mean"];

fn cells(rows: &[Value], columns: &Map<String, Value>) -> Vec<Vec<String>> {
    rows.iter().map(|row| columns.keys().map(|name| cell(row.get(name))).collect()).collect()
}

fn summary(columns: &Map<String, Value>) -> Vec<Vec<String>> {
    let line = |(name, figures): (&String, &Value)| {
        let figures = SUMMARY.iter().skip(1).map(|figure| cell(figures.get(figure)));
        std::iter::once(name.clone()).chain(figures).collect()
    };
    columns.iter().map(line).collect()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn markdown(title: &str, header: &[String], lines: &[Vec<String>]) -> String {
    let one_line = |text: &str| text.replace('|', "\\|").replace(['\r', '\n'], " ");
    let row = |cells: &[String]| cells.iter().map(|cell| format!(" {} |", one_line(cell))).collect::<String>();
    let mut text = format!("# {}\n\n|{}\n|{}\n", one_line(title), row(header), " --- |".repeat(header.len()));
    for line in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "|{}", row(line));
    }
    text
}
