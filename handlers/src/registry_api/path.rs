//! The path of a request as the routes know it.

use axum::{
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};
use lambda_http::{RequestExt as _, request::RequestContext};

/// What the official registry API puts before a server's name.
const SERVERS: &str = "/v0.1/servers/";

/// The request without API Gateway's stage in front of its path, and with the name of a server as one segment of it.
///
/// API Gateway leaves `%2F` in a path as it is or decodes it, depending on how the method was set up and on what is in front
/// of it, so both spellings of a name mean the same.
pub(super) fn settle(mut request: Request) -> Request {
    let path = joined_name(without_stage(&request));
    if path == request.uri().path() {
        return request;
    }
    let with_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // A part of a path that could be read is one that can be read.
    if let Ok(path_and_query) = with_query.parse::<PathAndQuery>() {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// `lambda_http` puts the stage in front of the path unless it is there already, as the first segment of what was asked for.
fn without_stage(request: &Request) -> String {
    let path = request.uri().path();
    let stage = match request.extensions().request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.stage.as_deref(),
        _ => None,
    };
    let Some(prefix) = stage.map(|stage| format!("/{stage}")) else { return path.to_owned() };
    let asked = request.extensions().raw_http_path();
    if asked.starts_with(&format!("{prefix}/")) {
        return path.to_owned();
    }
    path.strip_prefix(&prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned()
}

/// `/v0.1/servers/{namespace}/{server_id}/…` with the slash of the name encoded.
fn joined_name(path: String) -> String {
    let Some((namespace, rest)) = path.strip_prefix(SERVERS).and_then(|rest| rest.split_once('/')) else { return path };
    let plain = !namespace.to_ascii_lowercase().contains("%2f") && rest.contains("/versions");
    if plain { format!("{SERVERS}{namespace}%2F{rest}") } else { path }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use lambda_http::request::LambdaRequest;
    use serde_json::json;

    use super::*;

    /// What the routes see of an event of API Gateway.
    fn seen(stage: &str, path: &str) -> String {
        let event = json!({
            "resource": "/{proxy+}", "path": path, "httpMethod": "GET", "headers": {}, "multiValueHeaders": {},
            "multiValueQueryStringParameters": { "limit": ["1"] },
            "requestContext": { "stage": stage, "httpMethod": "GET", "domainName": "api.example.com", "identity": {} },
            "isBase64Encoded": false,
        });
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        let request: lambda_http::Request = event.into();
        settle(request.map(|_| Body::empty())).uri().path_and_query().unwrap().to_string()
    }

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        assert_eq!(seen("dev", "/servers"), "/servers?limit=1");
        assert_eq!(seen("dev", "/v0.1/servers"), "/v0.1/servers?limit=1");
        // A stage may be called like a path.
        assert_eq!(seen("servers", "/servers/weather"), "/servers/weather?limit=1");
        assert_eq!(seen("v0", "/v0.1/servers"), "/v0.1/servers?limit=1");
    }

    #[test]
    fn a_name_is_one_segment_however_its_slash_is_written() {
        let one = "/v0.1/servers/switchyard.dev%2Fweather/versions?limit=1";
        assert_eq!(seen("dev", "/v0.1/servers/switchyard.dev/weather/versions"), one);
        assert_eq!(seen("dev", "/v0.1/servers/switchyard.dev%2Fweather/versions"), one);
        for (plain, encoded) in [
            ("/v0.1/servers/a.b/versions/versions", "/v0.1/servers/a.b%2Fversions/versions?limit=1"),
            ("/v0.1/servers/a.b/c/versions/1.0.0", "/v0.1/servers/a.b%2Fc/versions/1.0.0?limit=1"),
            ("/v0.1/servers/a.b%2fc/versions/latest", "/v0.1/servers/a.b%2fc/versions/latest?limit=1"),
            ("/servers/a/versions/1.0.0", "/servers/a/versions/1.0.0?limit=1"),
        ] {
            assert_eq!(seen("dev", plain), encoded);
        }
    }

    #[test]
    fn a_request_that_did_not_come_through_a_rest_api_stays_as_it_is() {
        let request = Request::builder().uri("/dev/servers").body(Body::empty()).unwrap();
        assert_eq!(settle(request).uri().path(), "/dev/servers");
    }
}
