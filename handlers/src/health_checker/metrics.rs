//! The metrics of a run, in CloudWatch's embedded metric format: lines on standard output that CloudWatch Logs reads.
//!
//! Written here and not by the crate metrique, which would bring some thirty crates and a writer that works in the background
//! (Lambda stops the process between two runs) for documents of two shapes.
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Namespace of all metrics.
const NAMESPACE: &str = "MCPRegistry/Health";

/// The dimension of all metrics: stages share an account, and a namespace.
const STAGE: &str = "Stage";

/// The second dimension of metrics about one server.
const SERVER_ID: &str = "ServerId";

/// A metric: name, unit, value.
type Metric = (&'static str, &'static str, f64);

/// What a run found, as far as it is a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Totals {
    /// Checks that failed in this run, or could not be made.
    pub(super) failures: usize,
    /// Entries that are active.
    pub(super) active: usize,
    /// Entries that are unhealthy, whoever said so.
    pub(super) unhealthy: usize,
    /// How long the one has been unhealthy that health checks keep out of use longest.
    pub(super) longest_unhealthy_minutes: f64,
    /// Entries that wait for a person's approval.
    pub(super) pending: usize,
    /// Age of the one that was made first.
    pub(super) oldest_pending_hours: f64,
}

/// The line about one check of one server. `response_ms`: how long the answer took, if there was one.
pub(super) fn of_server(at: Timestamp, stage: &str, server_id: &str, response_ms: Option<u64>) -> Value {
    let mut metrics = vec![("ServerHealth", "None", if response_ms.is_some() { 1.0 } else { 0.0 })];
    // A precise count of milliseconds, far below where a float has gaps.
    metrics.extend(response_ms.map(|time| ("ResponseTime", "Milliseconds", time as f64)));
    document(at, &[(STAGE, stage), (SERVER_ID, server_id)], &metrics)
}

/// The line about a run.
pub(super) fn of_run(at: Timestamp, stage: &str, totals: &Totals) -> Value {
    let metrics: [Metric; 6] = [
        ("HealthCheckFailures", "Count", totals.failures as f64),
        ("ActiveServers", "Count", totals.active as f64),
        ("UnhealthyServers", "Count", totals.unhealthy as f64),
        ("LongestUnhealthyMinutes", "None", totals.longest_unhealthy_minutes),
        ("PendingApprovals", "Count", totals.pending as f64),
        ("OldestPendingHours", "None", totals.oldest_pending_hours),
    ];
    document(at, &[(STAGE, stage)], &metrics)
}

/// Writes documents, one on each line.
pub(super) fn write(out: &mut impl Write, documents: &[Value]) -> io::Result<()> {
    documents.iter().try_for_each(|document| writeln!(out, "{document}"))?;
    out.flush()
}

/// One document: one directive, with all dimensions in one set.
fn document(at: Timestamp, dimensions: &[(&str, &str)], metrics: &[Metric]) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let declared: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": declared });
    let mut document = Map::from_iter([(
        "_aws".to_owned(),
        json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }),
    )]);
    document.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    document.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the specification demands of a document, as far as these have it.
    fn check(document: &Value) {
        assert!(document["_aws"]["Timestamp"].as_i64().is_some_and(|time| time > 1_000_000_000_000), "{document}");
        let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert_eq!(directives.len(), 1);
        for directive in directives {
            assert_eq!(directive["Namespace"], "MCPRegistry/Health");
            let sets = directive["Dimensions"].as_array().unwrap();
            assert_eq!(sets.len(), 1);
            for set in sets.iter().map(|set| set.as_array().unwrap()) {
                assert!(set.len() <= 30);
                for name in set {
                    // A dimension's value is text at the root, not empty, at most 1024 characters.
                    let value = document[name.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()), "{name}");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                assert!(document[metric["Name"].as_str().unwrap()].is_number(), "{metric} has no value in {document}");
                assert!(["Count", "Milliseconds", "None"].contains(&metric["Unit"].as_str().unwrap()), "{metric}");
            }
        }
        assert!(document.to_string().len() < 256 * 1024, "CloudWatch Logs takes no longer event");
    }

    #[test]
    fn a_check_is_told_with_its_server() {
        let at = Timestamp::now();
        let healthy = of_server(at, "dev", "tools", Some(17));
        check(&healthy);
        assert_eq!(healthy["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stage", "ServerId"]]));
        assert_eq!((&healthy["ServerId"], &healthy["ServerHealth"]), (&json!("tools"), &json!(1.0)));
        assert_eq!(healthy["ResponseTime"], json!(17.0));
        let failing = of_server(at, "dev", "tools", None);
        check(&failing);
        assert_eq!((&failing["ServerHealth"], failing.get("ResponseTime")), (&json!(0.0), None));
    }

    #[test]
    fn a_run_is_told_with_its_stage_alone() {
        let totals = Totals { active: 3, longest_unhealthy_minutes: 16.5, ..Totals::default() };
        let run = of_run(Timestamp::now(), "dev", &totals);
        check(&run);
        assert_eq!(run["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stage"]]));
        assert_eq!(run["Stage"], json!("dev"));
        assert_eq!((&run["ActiveServers"], &run["LongestUnhealthyMinutes"]), (&json!(3.0), &json!(16.5)));
        for name in ["HealthCheckFailures", "UnhealthyServers", "PendingApprovals", "OldestPendingHours"] {
            assert_eq!(run[name], json!(0.0), "{name}");
        }
    }

    #[test]
    fn each_document_is_a_line_of_its_own() {
        let mut out = Vec::new();
        let documents =
            [of_server(Timestamp::now(), "dev", "a", None), of_run(Timestamp::now(), "dev", &Totals::default())];
        write(&mut out, &documents).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, documents);
    }
}
