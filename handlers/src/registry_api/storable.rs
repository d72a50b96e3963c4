//! What of a JSON document DynamoDB cannot hold. It would say so only when everything else is done, and not where.
//!
//! Source: Amazon DynamoDB developer guide, "Constraints in Amazon DynamoDB": data types, nested attribute depth, attribute
//! names.

use serde_json::Value;

use super::reader::pointer;
use crate::problem::Fault;

/// Deepest nesting. DynamoDB stores 32 levels; an entry may be stored inside another item.
const DEEPEST: usize = 28;

/// Largest number, and the smallest one above zero.
const NUMBERS: std::ops::Range<f64> = 1e-130..1e126;

/// What is wrong in a document.
pub(super) fn faults(document: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    look(document, "", 1, &mut faults);
    faults
}

/// Goes no deeper than JSON that was read, which has 127 levels at most.
fn look(value: &Value, place: &str, depth: usize, faults: &mut Vec<Fault>) {
    if depth > DEEPEST && (value.is_object() || value.is_array()) {
        return faults.push(Fault::at(place, format!("is nested deeper than {DEEPEST} levels")));
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let place = pointer(place, name);
                if name.is_empty() {
                    faults.push(Fault::at(place.as_str(), "a name must not be empty"));
                }
                look(inner, &place, depth + 1, faults);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                look(inner, &format!("{place}/{index}"), depth + 1, faults);
            }
        }
        Value::Number(number) => {
            let size = number.as_f64().unwrap_or(f64::INFINITY).abs();
            if size != 0.0 && !NUMBERS.contains(&size) {
                faults.push(Fault::at(place, "is a number too large or too small to be stored"));
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_is_named() {
        let deep = (0..DEEPEST).fold(json!(1), |inner, _| json!([inner]));
        let places = |document: &Value| faults(document).into_iter().map(|fault| fault.pointer).collect::<Vec<_>>();
        assert_eq!(places(&json!({ "a/b": [1, 1e126, { "~": 1e-131 }], "": 0.0 })), ["/", "/a~1b/1", "/a~1b/2/~0"]);
        assert!(places(&deep).is_empty());
        assert_eq!(places(&json!([deep])), ["/0".repeat(DEEPEST)]);
        assert!(places(&json!({ "x": [u64::MAX, i64::MIN, 1.5e125, -1e-129, 0, null, "", {}] })).is_empty());
    }
}
