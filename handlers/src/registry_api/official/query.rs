//! What is asked for in an address.

use axum::{extract::Query, http::Uri};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{Result, invalid, shorten};

/// Entries of a page when nobody says how many. Source: the official registry.
const USUAL: usize = 30;
/// Most entries of a page. Source: the official registry.
const MOST: usize = 100;
/// Longest text to search for: as long as a name can be. Source: JSON Schema of `server.json`.
const LONGEST: usize = 200;

/// The parameters of a list, as they are written in the address.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Most entries of the page; 30 if it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `metadata.nextCursor` of the page before.
    cursor: Option<String>,
    /// Part of a name, in upper or lower case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// `latest`, or a version exactly.
    version: Option<String>,
    /// Only what changed at this time or later, decommissioned servers included.
    #[param(format = DateTime)]
    updated_since: Option<String>,
    /// Decommissioned servers, too.
    #[param(value_type = Option<bool>)]
    include_deleted: Option<String>,
}

/// The parameters of a question about one server, as they are written in the address.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServerQuery {
    /// Decommissioned versions, too.
    #[param(value_type = Option<bool>)]
    include_deleted: Option<String>,
}

/// Which versions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Versions {
    All,
    Latest,
    Exactly(String),
}

/// A page of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
    /// In lower case.
    pub(super) search: Option<String>,
    pub(super) versions: Versions,
    pub(super) since: Option<Timestamp>,
    pub(super) deleted: bool,
}

impl Wanted {
    pub(super) fn read(uri: &Uri) -> Result<Self> {
        let query: ListQuery = read(uri)?;
        let since = given(query.updated_since).map(|text| time(&text)).transpose()?;
        let search = given(query.search).map(|text| text.to_lowercase());
        if search.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
            return Err(invalid(format!("search must have at most {LONGEST} characters.")));
        }
        Ok(Self {
            limit: given(query.limit).map_or(Ok(USUAL), |text| limit(&text))?,
            cursor: given(query.cursor),
            search,
            versions: match given(query.version) {
                None => Versions::All,
                Some(latest) if latest == "latest" => Versions::Latest,
                Some(version) => Versions::Exactly(version),
            },
            // Whoever follows the changes has to hear what is gone.
            deleted: flag(query.include_deleted)? || since.is_some(),
            since,
        })
    }
}

/// Whether decommissioned versions of one server are asked for.
pub(super) fn includes_deleted(uri: &Uri) -> Result<bool> {
    read::<ServerQuery>(uri).and_then(|query| flag(query.include_deleted))
}

fn read<T: serde::de::DeserializeOwned>(uri: &Uri) -> Result<T> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|error| {
        invalid(format!("The query of the address cannot be read: {}", shorten(&error.body_text(), 200)))
    })
}

/// An empty parameter is none.
fn given(parameter: Option<String>) -> Option<String> {
    parameter.filter(|text| !text.is_empty())
}

fn limit(text: &str) -> Result<usize> {
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number
        .ok_or_else(|| invalid(format!("limit must be a whole number from 1 to {MOST}, not {:?}.", shorten(text, 40))))
}

fn flag(parameter: Option<String>) -> Result<bool> {
    match given(parameter).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(invalid(format!("include_deleted must be true or false, not {:?}.", shorten(other, 40)))),
    }
}

fn time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|_| {
        invalid(format!(
            "updated_since must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z, not {:?}.",
            shorten(text, 40)
        ))
    })
}
