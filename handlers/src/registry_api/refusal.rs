//! Why a request is not done: one error, and for a body every place where something is wrong.

use axum::{
    http::{HeaderValue, header::CACHE_CONTROL},
    response::Response,
};

use crate::{
    error::{Error, Kind, invalid, shorten},
    problem::{self, Fault},
    runtime::Invocation,
};

/// Most faults that are told; a body may have as many as it likes.
const MOST: usize = 100;
/// Longest pointer, and longest text about it, in characters.
const QUOTE: usize = 300;

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) faults: Vec<Fault>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, faults: Vec::new() }
    }
}

impl Refusal {
    /// The body is wrong in these places, of which there is at least one.
    pub(super) fn of_body(mut faults: Vec<Fault>) -> Self {
        let count = faults.len();
        faults.truncate(MOST);
        for Fault { pointer, detail } in &mut faults {
            // A name in the body may be as long as the body; a pointer that fits stays as it is.
            if pointer.chars().nth(QUOTE).is_some() {
                *pointer = shorten(pointer, QUOTE);
            }
            *detail = shorten(detail, QUOTE);
        }
        let first = faults.first().map(|Fault { pointer, detail }| {
            shorten(&if pointer.is_empty() { detail.clone() } else { format!("{pointer} {detail}") }, QUOTE)
        });
        let first = first.unwrap_or_default();
        // A detail may be a sentence already.
        let first = first.trim_end_matches('.');
        let all = match count {
            1 => format!("The body has a fault: {first}."),
            2..=MOST => format!("The body has {count} faults, all listed under errors. The first: {first}."),
            _ => format!("The body has {count} faults, the first {MOST} listed under errors. The first: {first}."),
        };
        Self { error: invalid(all), faults }
    }

    /// The problem document; it is nobody else's and of this moment.
    pub(super) fn response(&self, invocation: Option<&Invocation>) -> Response {
        let request_id = invocation.map_or("", |invocation| invocation.request_id.as_str());
        let mut response = problem::response(&self.error, &problem::document(&self.error, request_id, &self.faults));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Whether the fault is ours.
    pub(super) fn is_ours(&self) -> bool {
        self.error.kind() == Kind::Internal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_the_faults_and_tells_the_first() {
        let faults = |count: usize| (0..count).map(|n| Fault::at(format!("/a/{n}"), "is missing")).collect::<Vec<_>>();
        let said = |count| Refusal::of_body(faults(count)).error.to_string();
        assert_eq!(said(1), "The body has a fault: /a/0 is missing.");
        assert_eq!(said(2), "The body has 2 faults, all listed under errors. The first: /a/0 is missing.");
        assert!(said(101).contains("101 faults, the first 100"));
        assert_eq!(Refusal::of_body(faults(101)).faults.len(), MOST);
        let sentence = Refusal::of_body(vec![Fault::at("/a", "is not supported.")]);
        assert_eq!(sentence.error.message(), "The body has a fault: /a is not supported.");
        let whole = Refusal::of_body(vec![Fault::at("", "it has too many levels")]);
        assert_eq!(whole.error.message(), "The body has a fault: it has too many levels.");
    }
}
