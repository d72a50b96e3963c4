//! Comma-separated values. Source: RFC 4180.

use std::{iter::Peekable, str::Chars};

/// Reads records: fields separated by commas, records by line ends; a field in quotation marks may hold both.
pub(crate) fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let mut left = text.chars().peekable();
    while left.peek().is_some() {
        let mut record = Vec::new();
        loop {
            record.push(field(&mut left).map_err(|problem| format!("record {}: {problem}", records.len() + 1))?);
            match left.next() {
                Some(',') => {}
                Some('\r') => {
                    left.next_if_eq(&'\n');
                    break;
                }
                Some(_) | None => break,
            }
        }
        records.push(record);
    }
    Ok(records)
}

/// One field, up to the comma or line end behind it.
fn field(left: &mut Peekable<Chars>) -> Result<String, &'static str> {
    let mut text = String::new();
    if left.next_if_eq(&'"').is_none() {
        while let Some(c) = left.next_if(|c| !matches!(c, ',' | '\r' | '\n')) {
            text.push(c);
        }
        return Ok(text);
    }
    loop {
        match left.next() {
            Some('"') if left.next_if_eq(&'"').is_some() => text.push('"'),
            Some('"') => break,
            Some(c) => text.push(c),
            None => return Err("a quotation mark is not closed"),
        }
    }
    match left.peek() {
        None | Some(',' | '\r' | '\n') => Ok(text),
        Some(_) => Err("there is text behind a closing quotation mark"),
    }
}
