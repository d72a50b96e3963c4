//! AWS Signature Version 4 for API Gateway.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_http},
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request, header};
use url::Url;

use super::ApiError;

/// The name that API Gateway's signatures carry.
const SERVICE: &str = "execute-api";

/// A request with its signature in the headers.
pub(super) fn sign(
    method: Method,
    url: &Url,
    headers: &[(header::HeaderName, &str)],
    body: Bytes,
    region: &str,
    credentials: Credentials,
) -> Result<Request<Bytes>, ApiError> {
    let unsendable = |error: &dyn std::fmt::Display| ApiError::Unsendable(error.to_string());
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unsendable(&error))?
        .into();
    let signed = headers.iter().map(|(name, value)| (name.as_str(), *value));
    let signable = SignableRequest::new(method.as_str(), url.as_str(), signed, SignableBody::Bytes(&body))
        .map_err(|error| unsendable(&error))?;
    let (instructions, _) = sign_http(signable, &params).map_err(|error| unsendable(&error))?.into_parts();

    let mut request = Request::builder().method(method).uri(url.as_str());
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let mut request = request.body(body).map_err(|error| unsendable(&error))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
