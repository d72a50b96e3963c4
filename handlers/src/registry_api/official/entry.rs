//! An entry of the registry as the official registry API shows it.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use semver::Version;
use url::Url;

use super::model::{
    Header, Official, Ours, Remote, RemoteType, ResponseMeta, SCHEMA, ServerDetail, ServerResponse, Status,
};
use crate::registry::{self, AuthenticationType, ProtocolType, Summary, valid_server_id};

/// Header of an API key where the entry names none.
const API_KEY_HEADER: &str = "X-API-Key";
/// Characters of a description and of a title. Source: JSON Schema of `server.json`.
const LONGEST: usize = 100;
/// Characters of a version. Source: as above.
const LONGEST_VERSION: usize = 255;

/// The entry, if it is one that this API lists: active or decommissioned, speaking MCP at an https address, with a key that
/// can be part of a name.
pub(super) fn of(server: &Summary, namespace: &str, latest: bool) -> Option<ServerResponse> {
    let status = status(server.status)?;
    let url = address(server)?;
    version(server)?;
    let changed = time(&server.updated_at);
    Some(ServerResponse {
        server: ServerDetail {
            schema: SCHEMA,
            name: name(namespace, &server.server_id),
            description: description(server),
            title: cut(&server.server_name),
            version: server.version.clone(),
            remotes: vec![Remote { kind: RemoteType::StreamableHttp, url, headers: headers(server) }],
        },
        meta: ResponseMeta {
            official: Official {
                status,
                status_changed_at: changed.clone(),
                published_at: time(&server.created_at).or_else(|| changed.clone()),
                updated_at: changed,
                is_latest: latest,
            },
            ours: Ours {
                server_id: server.server_id.clone(),
                authentication_type: server.authentication_type.as_str(),
                mcp_version: server.mcp_version.clone(),
                definition_hash: server.definition_hash.clone(),
            },
        },
    })
}

/// Name of a server in this API.
pub(super) fn name(namespace: &str, server_id: &str) -> String {
    format!("{namespace}/{server_id}")
}

/// Id of the server of that name, if it is one of ours.
pub(super) fn server_id<'a>(namespace: &str, name: &'a str) -> Option<&'a str> {
    name.split_once('/').filter(|(space, id)| *space == namespace && valid_server_id(id)).map(|(_, id)| id)
}

/// The highest version among those that are active and listed.
pub(super) fn latest(versions: &[Summary]) -> Option<&Summary> {
    let listed = |one: &&Summary| one.status == registry::Status::Active && address(one).is_some();
    versions
        .iter()
        .filter(listed)
        .filter_map(|one| Some((version(one)?, one)))
        .max_by(|(a, _), (b, _)| a.cmp(b))
        .map(|(_, one)| one)
}

/// The semantic version of an entry whose key this API can show.
fn version(server: &Summary) -> Option<Version> {
    let shown = valid_server_id(&server.server_id) && server.version.len() <= LONGEST_VERSION;
    shown.then(|| Version::parse(&server.version).ok())?
}

fn status(status: registry::Status) -> Option<Status> {
    match status {
        registry::Status::Active => Some(Status::Active),
        registry::Status::Decommissioned => Some(Status::Deleted),
        _ => None,
    }
}

/// The endpoint as a client can use it. Braces would be variables to fill in; whatever looks like credentials is shown to
/// nobody.
fn address(server: &Summary) -> Option<String> {
    if server.protocol_type != ProtocolType::JsonRpc {
        return None;
    }
    let url = Url::parse(&server.endpoint_url).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let text = url.as_str().replace('{', "%7B").replace('}', "%7D");
    (plain && !text.contains(char::is_whitespace)).then_some(text)
}

fn headers(server: &Summary) -> Vec<Header> {
    if server.authentication_type != AuthenticationType::ApiKey {
        return Vec::new();
    }
    vec![Header {
        name: server.api_key_header.clone().unwrap_or_else(|| API_KEY_HEADER.to_owned()),
        description: "API key of this server".to_owned(),
        is_required: true,
        is_secret: true,
    }]
}

fn description(server: &Summary) -> String {
    let fallback = || format!("MCP server {}", server.server_id);
    cut(&server.description).or_else(|| cut(&server.server_name)).unwrap_or_else(fallback)
}

/// The text on one line, cut between words where it is too long; nothing if nothing is left.
fn cut(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.is_empty() || line.chars().count() <= LONGEST {
        return Some(line).filter(|line| !line.is_empty());
    }
    let short: String = line.chars().take(LONGEST - 1).collect();
    let whole =
        short.rfind(' ').filter(|end| *end > short.len() / 2).and_then(|end| short.get(..end)).unwrap_or(&short);
    Some(format!("{}…", whole.trim_end_matches([' ', ',', ';', ':', '.'])))
}

/// A time of the registry in the format of RFC 3339.
fn time(text: &str) -> Option<String> {
    // A year before our era has no place in RFC 3339.
    instant(text).map(|instant| format!("{instant:.3}")).filter(|text| !text.starts_with('-'))
}

/// People and other programs write times without a zone, too; they mean UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
}
