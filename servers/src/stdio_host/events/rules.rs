//! The rules of HTTP for MCP that need neither the message nor the hosted server.
//! Sources: MCP 2025-03-26 to 2026-07-28, "Streamable HTTP"; RFC 9110, section 12.5.1 (`Accept`).

use url::{Host, Url};

use super::{
    http::HttpRequest,
    refusal::{INVALID_REQUEST, Refusal},
};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A message for the hosted server.
    Mcp(Accepted),
    /// The health of the hosted server.
    Health,
}

/// The kinds of answer a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    /// `application/json`.
    pub json: bool,
    /// `text/event-stream`.
    pub events: bool,
}

/// What a request is for, if it keeps the rules. `origins` are those of web pages that may call, besides pages of the same host.
///
/// # Errors
/// A rule that it breaks.
pub(super) fn check(request: &HttpRequest, origins: &[String]) -> Result<Target, Refusal> {
    let refuse = |status, message: &str| Refusal::new(status, INVALID_REQUEST, message);
    if let Some(origin) = request.headers.get("origin")
        && !admits(origin, request.domain.as_deref(), origins)
    {
        return Err(refuse(403, "Forbidden: web pages of this origin may not call."));
    }
    let mut segments = request.path.split('/').filter(|segment| !segment.is_empty());
    // Where a domain or a proxy route puts something in front, the last part says what is meant.
    let (first, last) = (segments.next(), segments.next_back());
    let allow = match last.or(first) {
        _ if first == Some(".well-known") => return Err(not_found()),
        None | Some("mcp") => "POST",
        Some("health") => "GET",
        Some(_) => return Err(not_found()),
    };
    if request.method != allow {
        let message = match request.method.as_str() {
            "GET" => "Method not allowed: there is no stream of events to listen to; POST messages.",
            "DELETE" => "Method not allowed: sessions end by themselves.",
            _ => "Method not allowed.",
        };
        return Err(Refusal { allow: Some(allow), ..refuse(405, message) });
    }
    if allow == "GET" {
        return Ok(Target::Health);
    }
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(refuse(415, "Unsupported media type: send the message as application/json (header Content-Type)."));
    }
    let accepted = accepted(request.headers.get("accept").unwrap_or("*/*"));
    if !accepted.json && !accepted.events {
        return Err(refuse(406, "Not acceptable: accept application/json and text/event-stream (header Accept)."));
    }
    Ok(Target::Mcp(accepted))
}

fn not_found() -> Refusal {
    Refusal::new(404, INVALID_REQUEST, "Not found. MCP is served at /mcp, the server's health at /health.")
}

/// What an `Accept` header admits. Events are only for clients that name them: whoever accepts anything gets JSON, which every
/// program can read.
fn accepted(header: &str) -> Accepted {
    let json = quality(header, &["application/json", "application/*", "*/*"]);
    let events = quality(header, &["text/event-stream", "text/*"]);
    Accepted { json: json > 0.0, events: events > 0.0 }
}

/// The quality of a media type: that of the first of these ranges, the most precise one, that the header has.
fn quality(header: &str, ranges: &[&str]) -> f32 {
    let sent = |range: &&str| {
        header.split(',').find_map(|part| {
            let mut parts = part.split(';').map(str::trim);
            parts.next().filter(|sent| sent.eq_ignore_ascii_case(range))?;
            let q = parts.find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")));
            Some(q.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0)))
        })
    };
    ranges.iter().find_map(sent).unwrap_or(0.0)
}

/// Whether pages of an origin may call. What counts as the same host is the name under which AWS answered: the `Host` header is
/// the sender's, and follows a name that was bound to another address.
fn admits(origin: &str, domain: Option<&str>, origins: &[String]) -> bool {
    let Some(origin) = Url::parse(origin).ok().filter(|url| url.origin().is_tuple()) else { return false };
    let same = |other: &str| Url::parse(other).is_ok_and(|other| other.origin() == origin.origin());
    if origins.iter().any(|admitted| same(admitted)) {
        return true;
    }
    let Some(domain) = domain else { return false };
    // A local stage has no TLS, and the machine has several names for itself.
    let is_same_machine = |other: &Url| {
        origin.scheme() == "http" && is_loopback(&origin) && is_loopback(other) && origin.port() == other.port()
    };
    same(&format!("https://{domain}")) || Url::parse(&format!("http://{domain}")).is_ok_and(|url| is_same_machine(&url))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let headers: Value = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let event = json!({ "requestContext": { "domainName": "abc.lambda-url.eu-west-1.on.aws" }, "httpMethod": method,
                            "path": path, "headers": headers });
        HttpRequest::read(event, None).unwrap()
    }

    fn status(request: &HttpRequest) -> u16 {
        check(request, &["https://pages.example".to_owned()]).map_or_else(|refusal| refusal.status, |_| 200)
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn paths_and_methods() {
        for (method, path, expected) in [
            ("POST", "/mcp", 200),
            ("post", "/mcp/", 200),
            ("POST", "/", 200),
            ("POST", "", 200),
            ("POST", "/servers/git/mcp", 200),
            ("GET", "/mcp", 405),
            ("DELETE", "/mcp", 405),
            ("OPTIONS", "/mcp", 405),
            ("GET", "/", 405),
            ("GET", "/health", 200),
            ("GET", "/git/health", 200),
            ("POST", "/health", 405),
            ("POST", "/mcp/x", 404),
            ("GET", "/favicon.ico", 404),
            ("GET", "/.well-known/oauth-protected-resource/mcp", 404),
        ] {
            assert_eq!(status(&request(method, path, &[JSON])), expected, "{method} {path}");
        }
        let allow = |path| check(&request("PUT", path, &[]), &[]).unwrap_err().allow;
        assert_eq!((allow("/mcp"), allow("/health")), (Some("POST"), Some("GET")));
    }

    #[test]
    fn content_types() {
        for (content_type, expected) in [
            ("application/json", 200),
            ("Application/JSON", 200),
            ("application/json ; charset=utf-8", 200),
            ("text/plain", 415),
            ("application/json-rpc", 415),
            ("application/x-www-form-urlencoded", 415),
            ("", 415),
        ] {
            assert_eq!(status(&request("POST", "/mcp", &[("content-type", content_type)])), expected, "{content_type}");
        }
        assert_eq!(status(&request("POST", "/mcp", &[])), 415);
    }

    #[test]
    fn accept_names_what_a_client_reads() {
        for (accept, json, events) in [
            ("application/json, text/event-stream", true, true),
            ("text/event-stream;q=0.9,APPLICATION/JSON", true, true),
            ("*/*", true, false),
            ("application/*", true, false),
            ("text/*", false, true),
            ("text/event-stream", false, true),
            ("application/json", true, false),
            ("application/json;q=0, */*, text/event-stream", false, true),
            ("application/json;q=0", false, false),
            ("application/json;q=x", false, false),
            ("text/html", false, false),
            ("", false, false),
        ] {
            assert_eq!(accepted(accept), Accepted { json, events }, "{accept}");
            let expected = if json || events { 200 } else { 406 };
            assert_eq!(status(&request("POST", "/mcp", &[JSON, ("accept", accept)])), expected, "{accept}");
        }
        assert_eq!(status(&request("POST", "/mcp", &[JSON])), 200);
    }

    #[test]
    fn pages_of_other_hosts_may_not_call() {
        for (origin, expected) in [
            ("https://abc.lambda-url.eu-west-1.on.aws", 200),
            ("https://ABC.lambda-url.eu-west-1.on.aws:443", 200),
            ("https://pages.example", 200),
            ("http://abc.lambda-url.eu-west-1.on.aws", 403),
            ("https://abc.lambda-url.eu-west-1.on.aws:8443", 403),
            ("http://pages.example", 403),
            ("https://pages.example.evil.example", 403),
            ("https://evil.example", 403),
            ("http://localhost", 403),
            ("null", 403),
            ("file:///x", 403),
            ("", 403),
            ("https://pages.example, https://pages.example", 403),
        ] {
            for (method, path) in [("POST", "/mcp"), ("GET", "/health")] {
                assert_eq!(status(&request(method, path, &[JSON, ("Origin", origin)])), expected, "{origin}");
            }
        }
    }

    #[test]
    fn a_local_stage_is_called_without_tls() {
        for (domain, origin, admitted) in [
            ("localhost:4566", "http://localhost:4566", true),
            ("127.0.0.1:4566", "http://127.0.0.1:4566", true),
            ("127.0.0.1:4566", "http://localhost:4566", true),
            ("localhost:4566", "http://[::1]:4566", true),
            ("localhost:4566", "http://localhost", false),
            ("abc.example", "http://localhost", false),
            ("localhost:4566", "http://localhost:4567", false),
            ("localhost:4566", "http://evil.example:4566", false),
            ("evil.example", "http://evil.example", false),
        ] {
            assert_eq!(admits(origin, Some(domain), &[]), admitted, "{origin}");
        }
        assert!(!admits("https://abc.example", None, &[]));
    }
}
