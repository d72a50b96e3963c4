//! The OpenAPI document of all routes.
//!
//! `docs/openapi.json` is a copy of it for those who have no deployment at hand; a test compares the two.

use std::sync::Arc;

use axum::Json;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder, ServerVariableBuilder,
    security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::RegistryApi;

#[cfg(test)]
mod tests;

/// Name of the scheme of signed requests.
pub(super) const SIGV4: &str = "sigv4";
/// Name of the scheme of self-registration.
pub(super) const REGISTRATION_TOKEN: &str = "registration_token";

/// The document before the routes are in it.
pub(super) fn about() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Switchyard registry API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The registry of MCP servers: self-registration with a token (`POST /mcp/register`), the admin API for signed \
             requests (`/servers`), and the official MCP registry API, read only (`/v0.1`). Errors are problem documents \
             (RFC 9457).",
        ))
        .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
        .build();
    let variable = |value: &str, description: &str| {
        ServerVariableBuilder::new().default_value(value).description(Some(description)).build()
    };
    let server = ServerBuilder::new()
        .url("https://{api}.execute-api.{region}.amazonaws.com/{stage}")
        .description(Some("A deployment; its output RegistryUrl is the address."))
        .parameter("api", variable("api", "Id of the REST API"))
        .parameter("region", variable("us-east-1", "AWS region"))
        .parameter("stage", variable("dev", "Stage of the deployment"))
        .build();
    let sigv4 = ApiKeyValue::with_description(
        "Authorization",
        "AWS Signature Version 4 for the service `execute-api`, by a principal with the right `execute-api:Invoke`.",
    );
    let token = ApiKeyValue::with_description("X-Registration-Token", "A registration token of this deployment.");
    let schemes = ComponentsBuilder::new()
        .security_scheme(SIGV4, SecurityScheme::ApiKey(ApiKey::Header(sigv4)))
        .security_scheme(REGISTRATION_TOKEN, SecurityScheme::ApiKey(ApiKey::Header(token)))
        .build();
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([server]))
        .components(Some(schemes))
        // What needs another credential, or none, says so itself.
        .security(Some([SecurityRequirement::new(SIGV4, Vec::<String>::new())]))
        .tags(Some([
            tag("registration", "Servers register themselves"),
            tag("admin", "People look after the registry"),
            tag("official", "Clients browse the registry"),
            tag("health", "Whether it works"),
            tag("document", "What this API offers"),
        ]))
        .build()
}

/// The route of the document.
pub(super) fn routes() -> OpenApiRouter<Arc<RegistryApi>> {
    OpenApiRouter::new().routes(routes!(show_document))
}

/// Describes all routes of this API.
#[utoipa::path(
    get, path = "/openapi.json", tag = "document",
    responses((status = 200, description = "This document", content_type = "application/json")),
)]
async fn show_document() -> Json<OpenApi> {
    Json(super::routes().into_openapi())
}
