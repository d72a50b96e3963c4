//! The tool `process_data`: what is in a text.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::csv;

/// Most rows of a table that are given back.
const MAX_ROWS: usize = 100;

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
    Text,
}

/// Arguments of the tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    data: String,
    #[serde(default)]
    format: Format,
}

/// JSON Schema of [`Arguments`].
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "data": { "type": "string", "description": "The data, as text." },
            "format": { "type": "string", "enum": ["json", "csv", "text"], "description": "What the text is; json if not said." },
        },
        "required": ["data"],
        "additionalProperties": false,
    })
}

/// Reads the data and says what is in it.
///
/// # Errors
/// The data are not in their format; the message says where.
pub(crate) fn run(Arguments { data, format }: &Arguments) -> Result<Value, String> {
    let found = match format {
        Format::Json => json(data)?,
        Format::Csv => table(data)?,
        Format::Text => json!({ "lines": data.lines().count(), "words": data.split_whitespace().count() }),
    };
    let name = match format {
        Format::Json => "json",
        Format::Csv => "csv",
        Format::Text => "text",
    };
    Ok(json!({ "format": name, "length": data.chars().count(), "found": found }))
}

fn json(data: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(data).map_err(|error| format!("data is no JSON: {error}"))?;
    Ok(match &value {
        Value::Array(items) => json!({ "type": "array", "entries": items.len(), "columns": columns(items) }),
        Value::Object(fields) => json!({ "type": "object", "fields": fields.keys().collect::<Vec<_>>() }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Number(_) => json!({ "type": "number" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Null => json!({ "type": "null" }),
    })
}

fn table(data: &str) -> Result<Value, String> {
    let mut records = csv::records(data).map_err(|problem| format!("data is no CSV: {problem}"))?.into_iter();
    let header = records.next().ok_or("data is empty: its first line must name the columns")?;
    let mut rows = Vec::new();
    for (index, record) in records.enumerate() {
        if record.len() != header.len() {
            let (fields, columns) = (record.len(), header.len());
            return Err(format!(
                "data is no CSV: row {} has {fields} fields, and there are {columns} columns",
                index + 1
            ));
        }
        let cells = record.into_iter().map(cell);
        rows.push(Value::Object(header.iter().cloned().zip(cells).collect()));
    }
    let shown = &rows[..rows.len().min(MAX_ROWS)];
    Ok(json!({ "entries": rows.len(), "columns": columns(&rows), "rows": shown }))
}

/// A number where the text is one.
fn cell(text: String) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => json!(number),
        _ => Value::String(text),
    }
}

/// The columns of rows that are objects, in the order of their names; of numbers the range, the sum and the mean.
pub(crate) fn columns(rows: &[Value]) -> Map<String, Value> {
    let mut columns = Map::new();
    for row in rows.iter().filter_map(Value::as_object) {
        for name in row.keys().filter(|name| !name.is_empty()) {
            if !columns.contains_key(name) {
                columns.insert(name.clone(), column(rows, name));
            }
        }
    }
    columns
}

fn column(rows: &[Value], name: &str) -> Value {
    let cells: Vec<&Value> = rows.iter().filter_map(|row| row.get(name)).collect();
    let numbers: Vec<f64> = cells.iter().filter_map(|cell| cell.as_f64()).collect();
    if numbers.is_empty() || numbers.len() < cells.len() {
        return json!({ "values": cells.len() });
    }
    let sum: f64 = numbers.iter().sum();
    // A count of rows is far below where a float has gaps.
    let mean = sum / numbers.len() as f64;
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    json!({ "values": numbers.len(), "least": least, "most": most, "sum": sum, "mean": mean })
}
