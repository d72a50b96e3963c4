//! Addresses of HTTP events that `lambda_http` can take: it panics over some, and a panic ends the environment.
//!
//! It puts an address together from `X-Forwarded-Proto`, `Host`, the path and, for function URLs and HTTP APIs, the query as
//! the client wrote it, and unwraps the result. What cannot be part of an address is left out or escaped before;
//! a path that cannot becomes `/`, where nothing is served.

use std::{
    fmt::Write as _,
    task::{Context, Poll},
};

use http::{HeaderMap, Uri, header::HOST};
use lambda_http::{Service, request::LambdaRequest};
use lambda_runtime::LambdaEvent;
use url::Url;

const SCHEME: &str = "x-forwarded-proto";
/// Longest address, in bytes. `http` reads 65 534; Lambda and API Gateway let through far less.
const LONGEST: usize = 60_000;

/// Hands events on with an address that can be read.
#[derive(Debug, Clone)]
pub(super) struct Readable<S>(pub(super) S);

impl<S: Service<LambdaEvent<LambdaRequest>>> Service<LambdaEvent<LambdaRequest>> for Readable<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut event: LambdaEvent<LambdaRequest>) -> S::Future {
        mend(&mut event.payload);
        self.0.call(event)
    }
}

fn mend(event: &mut LambdaRequest) {
    match event {
        LambdaRequest::ApiGatewayV1(event) => {
            mend_headers(&mut event.headers);
            mend_headers(&mut event.multi_value_headers);
            if !is_address(&format!("https://localhost/stage{}", event.path.as_deref().unwrap_or_default())) {
                event.path = Some("/".to_owned());
            }
        }
        LambdaRequest::ApiGatewayV2(event) => {
            mend_headers(&mut event.headers);
            let query = escaped(event.raw_query_string.as_deref().unwrap_or_default());
            let path = event.raw_path.as_deref().unwrap_or_default();
            if is_address(&format!("https://localhost/stage{path}?{query}")) {
                event.raw_query_string = Some(query);
            } else {
                (event.raw_path, event.raw_query_string) = (Some("/".to_owned()), None);
            }
        }
        // Not HTTP: it is handed on as it is.
        _ => {}
    }
}

fn mend_headers(headers: &mut HeaderMap) {
    if !headers.get(SCHEME).is_none_or(|scheme| scheme == "https" || scheme == "http") {
        headers.remove(SCHEME);
    }
    let is_host = |host: &str| is_address(&format!("https://{host}/"));
    if headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| !is_host(host)) {
        headers.remove(HOST);
    }
}

/// Whether both libraries that read an address read this one, with room for a host and a stage.
fn is_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.as_str().len() < LONGEST && url.as_str().parse::<Uri>().is_ok())
}

/// The query with everything escaped that an address cannot hold. Source: RFC 3986, section 3.4.
fn escaped(query: &str) -> String {
    let mut text = String::with_capacity(query.len());
    for byte in query.bytes() {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'~' => text.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::fuzz::{Source, explore};

    fn read(event: &Value) -> lambda_http::Request {
        let mut event: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
        mend(&mut event);
        event.into()
    }

    fn rest(headers: &Value) -> Value {
        let multi: serde_json::Map<String, Value> =
            headers.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        json!({ "resource": "/chat", "path": "/chat", "httpMethod": "POST", "headers": headers, "multiValueHeaders": multi,
            "requestContext": { "stage": "prod", "httpMethod": "POST", "domainName": "api.example.com", "identity": {} },
            "body": "{}", "isBase64Encoded": false })
    }

    fn by_url(path: &str, query: &str, headers: &Value) -> Value {
        json!({ "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": { "stage": "$default", "domainName": "x.lambda-url.us-east-1.on.aws", "timeEpoch": 1,
                "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" } },
            "isBase64Encoded": false })
    }

    #[test]
    fn what_cannot_be_an_address_is_left_out_or_escaped() {
        for (name, value) in [("X-Forwarded-Proto", "a b"), ("Host", "a b"), ("Host", "x:99999"), ("Host", "")] {
            let address = read(&rest(&json!({ name: value }))).uri().to_string();
            assert_eq!(address, "https://api.example.com/prod/chat", "{name}: {value}");
        }
        let address = read(&by_url("/health", "a=<b>&c=\"d e\"#é", &json!({}))).uri().to_string();
        assert_eq!(address, "https://x.lambda-url.us-east-1.on.aws/health?a=%3Cb%3E&c=%22d%20e%22%23%C3%A9");
    }

    #[test]
    fn a_good_address_stays_as_it_is() {
        let headers = json!({ "Host": "api.example.com:8443", "X-Forwarded-Proto": "http" });
        assert_eq!(read(&rest(&headers)).uri(), "http://api.example.com:8443/prod/chat");
        let request = read(&by_url("/status/1", "a=%3C&b=c+d&e=[1]", &headers));
        assert_eq!(request.uri(), "http://api.example.com:8443/status/1?a=%3C&b=c+d&e=[1]");
    }

    mod fuzz {
        use super::*;

        #[test]
        fn every_address_is_read() {
            let input = |source: &mut Source| {
                let headers = json!({ "Host": source.text(), "X-Forwarded-Proto": source.text() });
                let headers = if source.chance(50) { headers } else { json!({}) };
                if source.chance(50) {
                    rest(&headers)
                } else {
                    by_url(&format!("/{}", source.text()), &source.text(), &headers)
                }
            };
            let outcomes = explore(file!(), 500, 1, input, |event| {
                // What is no header never gets past API Gateway.
                match serde_json::from_value(event.clone()) {
                    Ok(LambdaRequest::ApiGatewayV1(_) | LambdaRequest::ApiGatewayV2(_)) => {}
                    _ => return Ok("no event"),
                }
                prop_assert!(read(&event).uri().host().is_some());
                Ok("read")
            });
            outcomes.include(&["read"]);
        }
    }
}
