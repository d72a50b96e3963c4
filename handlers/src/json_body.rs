//! A request body as JSON, checked in the order in which a client can mend it: media type, size, syntax.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result, invalid};

/// Whether the body is said to be JSON in UTF-8.
///
/// # Errors
/// `UnsupportedMediaType`.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    if json && utf8 {
        return Ok(());
    }
    Err(Error::new(
        Kind::UnsupportedMediaType,
        "Send the body as JSON in UTF-8, with the header Content-Type: application/json.",
    ))
}

/// The body, at most `limit` bytes; `advice` says how to make it shorter.
///
/// # Errors
/// `TooLarge`.
pub(crate) async fn read(body: Body, limit: usize, advice: &str) -> Result<Bytes> {
    to_bytes(body, limit).await.map_err(|error| {
        Error::new(Kind::TooLarge, format!("The body is larger than {limit} bytes. {advice}")).with_source(error)
    })
}

/// The fields of the body; `example` is what a valid one looks like.
///
/// # Errors
/// `Invalid`: it is not JSON, or no object.
pub(crate) fn object(body: &[u8], example: &str) -> Result<Map<String, Value>> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        invalid(format!("The body is not JSON (line {line}, column {column}). Send {example}.")).with_source(error)
    })?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(invalid(format!("The body must be a JSON object. Send {example}."))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of_type(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        for good in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;Charset=\"UTF-8\"",
            "application/json; v=1",
        ] {
            assert!(check_content_type(&of_type(good)).is_ok(), "{good}");
        }
        for bad in
            ["", "text/plain", "application/jsonp", "application/json; charset=latin1", "application/problem+json"]
        {
            let error = check_content_type(&of_type(bad)).unwrap_err();
            assert_eq!(error.kind(), Kind::UnsupportedMediaType, "{bad}");
        }
        assert!(check_content_type(&HeaderMap::new()).is_err());
    }

    #[tokio::test]
    async fn the_limit_counts_bytes() {
        assert_eq!(read(Body::from("1234"), 4, "Shorten it.").await.unwrap(), "1234");
        let error = read(Body::from("12345"), 4, "Shorten it.").await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::TooLarge, "The body is larger than 4 bytes. Shorten it."));
    }

    #[test]
    fn what_is_no_object_is_told_where_and_what_to_send() {
        let said = |body: &[u8]| object(body, "{}").unwrap_err().to_string();
        assert_eq!(said(b"{\n  a"), "The body is not JSON (line 2, column 3). Send {}.");
        assert_eq!(said(b"[]"), "The body must be a JSON object. Send {}.");
        for body in [b"".as_slice(), b"\xff\xfe", "[".repeat(100_000).as_bytes(), b"{\"a\":1e999}"] {
            assert!(said(body).contains("not JSON"), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_media_type_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200), value in "[ -~]{0,60}") {
            let _ = object(&body, "{}");
            let _ = check_content_type(&of_type(&value));
        }
    }
}
