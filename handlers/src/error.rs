//! The one error of the handlers, and the one table that says what a caller sees of it.
//!
//! A [`Kind`] decides the HTTP status (chat API, RFC 9457) and the state of an action-group answer; the message is a
//! sentence for the person or the model that has to act on it; the cause stays in the log.

use std::{fmt, time::Duration};

/// What handlers and modules return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The input breaks a rule; the caller can mend it.
    Invalid,
    /// No valid credentials came with the request.
    Unauthorized,
    /// Understood, and not allowed.
    Refused,
    /// The thing named in the request does not exist.
    NotFound,
    /// The HTTP method is not offered here.
    MethodNotAllowed,
    /// The request contradicts what is stored or under way.
    Conflict,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is not of a media type that is read here.
    UnsupportedMediaType,
    /// Too many requests; see [`Error::retry_after`].
    Throttled,
    /// Something behind us answered wrongly.
    BadGateway,
    /// Something behind us failed to do its part.
    Dependency,
    /// The deadline passed before the answer was there.
    Timeout,
    /// Our own fault: configuration, a bug, a table that is missing.
    Internal,
}

/// How an action-group answer with this error is marked for the agent.
/// Source: Amazon Bedrock user guide, "Lambda response event to Amazon Bedrock", `responseState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// An ordinary answer: the model reads the sentence and tells the user.
    Answer,
    /// `REPROMPT`: the model gets the sentence to mend its call.
    Reprompt,
    /// `FAILURE`: the session ends with a `DependencyFailedException`.
    Failure,
}

impl Kind {
    /// HTTP status, title of the problem document, state of an action-group answer: the table everything follows.
    const fn row(self) -> (u16, &'static str, AnswerState) {
        match self {
            Self::Invalid => (400, "Invalid request", AnswerState::Reprompt),
            Self::Unauthorized => (401, "Credentials are missing or wrong", AnswerState::Answer),
            Self::Refused => (403, "Not allowed", AnswerState::Answer),
            Self::NotFound => (404, "Not found", AnswerState::Answer),
            Self::MethodNotAllowed => (405, "Method not allowed", AnswerState::Answer),
            Self::Conflict => (409, "Conflict", AnswerState::Answer),
            Self::TooLarge => (413, "Request body too large", AnswerState::Answer),
            Self::UnsupportedMediaType => (415, "Unsupported media type", AnswerState::Answer),
            Self::Throttled => (429, "Too many requests", AnswerState::Answer),
            Self::BadGateway => (502, "A service behind this one answered wrongly", AnswerState::Answer),
            Self::Dependency => (424, "A service behind this one failed", AnswerState::Answer),
            Self::Timeout => (504, "The deadline passed", AnswerState::Answer),
            Self::Internal => (500, "Internal error", AnswerState::Failure),
        }
    }

    /// HTTP status code of an answer with this error.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// Title of the problem document (RFC 9457, section 3.1.3): the same for every error of this kind.
    pub const fn title(self) -> &'static str {
        self.row().1
    }

    /// State of an action-group answer with this error.
    pub const fn answer_state(self) -> AnswerState {
        self.row().2
    }
}

/// An error: kind, a sentence for the caller, and the cause for the log.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error whose message is shown to the caller.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }

    /// Keeps the cause. It is logged, never shown to the caller.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After how long the caller may try again, where that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The chain of causes on one line, for the log.
    pub fn causes(&self) -> String {
        let mut line = String::new();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        }
    }
}

/// The input breaks a rule; the message says which and what to change.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, message)
}

/// Understood, and not allowed.
pub fn refused(message: impl Into<String>) -> Error {
    Error::new(Kind::Refused, message)
}

/// The thing named does not exist.
pub fn not_found(message: impl Into<String>) -> Error {
    Error::new(Kind::NotFound, message)
}

/// Too many requests; the caller may try again after `retry_after`.
pub fn throttled(message: impl Into<String>, retry_after: Duration) -> Error {
    Error { retry_after: Some(retry_after), ..Error::new(Kind::Throttled, message) }
}

/// Something behind us answered wrongly.
pub fn bad_gateway(message: impl Into<String>) -> Error {
    Error::new(Kind::BadGateway, message)
}

/// Something behind us failed to do its part.
pub fn dependency(message: impl Into<String>) -> Error {
    Error::new(Kind::Dependency, message)
}

/// The deadline passed.
pub fn timeout(message: impl Into<String>) -> Error {
    Error::new(Kind::Timeout, message)
}

/// Our own fault.
pub fn internal(message: impl Into<String>) -> Error {
    Error::new(Kind::Internal, message)
}

/// At most `limit` characters of `text`, on one line: for messages that quote what somebody sent.
pub fn shorten(text: &str, limit: usize) -> String {
    let mut line: String = text.chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(limit).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_short_and_on_one_line() {
        assert_eq!(shorten("a\r\n\u{1b}b", 9), "a   b");
        assert_eq!(shorten("💥💥", 2), "💥💥");
        assert_eq!(shorten("💥💥💥", 2), "💥💥…");
    }

    #[test]
    fn causes_are_for_the_log_and_not_in_the_message() {
        let inner = std::io::Error::other("connection reset by 10.0.0.7");
        let error = dependency("The deployment history cannot be read.").with_source(inner);
        assert_eq!(error.to_string(), "The deployment history cannot be read.");
        assert_eq!(error.causes(), "connection reset by 10.0.0.7");
    }

    #[test]
    fn only_our_own_faults_end_an_agent_session() {
        assert_eq!(Kind::Internal.answer_state(), AnswerState::Failure);
        assert_eq!(Kind::Invalid.answer_state(), AnswerState::Reprompt);
        assert_eq!(Kind::Dependency.answer_state(), AnswerState::Answer);
    }
}
