//! Runs over tables in memory and servers on this machine. Time is what a test says it is.

use aws_sdk_dynamodb::{
    Client,
    types::AttributeValue::{self, N, S},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    batch::Item,
    env::Reach,
    mcp_client::test_server::older,
    test_support::{REGISTRY_TABLE, STAGE, STATE_TABLE, dynamodb, sdk_config},
};

mod races;

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9/";

/// When tests begin.
fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// That many minutes later.
fn after(minutes: i64) -> Timestamp {
    start() + Duration::from_secs(u64::try_from(minutes * 60).unwrap())
}

/// A stage: tables and a checker that may reach this machine.
struct Stage {
    dynamodb: Client,
    checker: HealthChecker,
}

impl Stage {
    async fn new() -> Self {
        let dynamodb = dynamodb().await;
        let reach = Reach {
            stage: STAGE.to_owned(),
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..Reach::default()
        };
        let checker = HealthChecker {
            stage: "dev".to_owned(),
            entries: Entries {
                client: dynamodb.clone(),
                registry: REGISTRY_TABLE.to_owned(),
                state: STATE_TABLE.to_owned(),
            },
            states: States::new(dynamodb.clone(), STATE_TABLE),
            registry: Registry::new(dynamodb.clone(), REGISTRY_TABLE, STATE_TABLE),
            client: McpClient::new(&sdk_config(NOWHERE), Guard::new(&reach).unwrap()),
            notices: Notices::new(&sdk_config(NOWHERE), None),
        };
        Self { dynamodb, checker }
    }

    /// A run at a time, with a minute for it.
    async fn run(&self, now: Timestamp) -> Report {
        self.checker.run(now, Instant::now() + Duration::from_secs(60)).await.unwrap()
    }

    /// Registers version 1.0.0 of a REST server with these attributes too.
    async fn register(&self, server_id: &str, endpoint_url: &str, more: &[(&str, AttributeValue)]) {
        let mut item: Item = [
            ("server_id", server_id),
            ("version", "1.0.0"),
            ("server_name", "Tools"),
            ("endpoint_url", endpoint_url),
            ("protocol_type", "rest"),
            ("status", "active"),
            ("owner", "token:team"),
            ("definition_hash", "0123"),
            ("created_at", "2026-11-01T00:00:00.000Z"),
            ("updated_at", "2026-11-01T00:00:00.000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), S(value.to_owned())))
        .into();
        item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.put(REGISTRY_TABLE, item).await;
    }

    async fn put(&self, table: &str, item: Item) {
        self.dynamodb.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    async fn entry(&self, server_id: &str) -> Server {
        self.checker.registry.get(server_id, "1.0.0").await.unwrap().unwrap()
    }

    async fn state(&self, server_id: &str) -> Option<State> {
        let id = format!("{server_id}@1.0.0");
        self.checker.states.read(std::slice::from_ref(&id)).await.unwrap().remove(&id)
    }

    /// Changes an attribute of an entry, as a person does.
    async fn change(&self, server_id: &str, name: &str, value: &str) {
        self.dynamodb
            .update_item()
            .table_name(REGISTRY_TABLE)
            .key("server_id", S(server_id.to_owned()))
            .key("version", S("1.0.0".to_owned()))
            .update_expression("SET #name = :value, updated_at = :now REMOVE unhealthy_since")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", S(value.to_owned()))
            .expression_attribute_values(":now", S(crate::registry::now()))
            .send()
            .await
            .unwrap();
    }
}

async fn answering(status: u16) -> MockServer {
    let mock = MockServer::start().await;
    answer(&mock, ResponseTemplate::new(status)).await;
    mock
}

/// Has a server answer like this from now on.
async fn answer(mock: &MockServer, with: ResponseTemplate) {
    mock.reset().await;
    Mock::given(any()).respond_with(with).mount(mock).await;
}

/// The value of a metric of the whole run.
fn metric(report: &Report, name: &str) -> f64 {
    report.metrics.last().unwrap()[name].as_f64().unwrap()
}

#[tokio::test]
async fn three_failed_checks_take_a_server_out_of_use_and_one_good_one_brings_it_back() {
    let stage = Stage::new().await;
    let mock = answering(500).await;
    stage.register("tools", &mock.uri(), &[]).await;
    for (minute, failures, status) in [(0, 1, Status::Active), (5, 2, Status::Active), (10, 3, Status::Unhealthy)] {
        let report = stage.run(after(minute)).await;
        assert_eq!((report.checked, report.failed), (1, 1));
        let (entry, state) = (stage.entry("tools").await, stage.state("tools").await.unwrap());
        assert_eq!((state.failures, entry.status), (failures, status));
        assert_eq!(state.condition, Some(Condition::Failing));
        assert_eq!(state.checked_at.as_deref(), Some(&*crate::health::iso(after(minute))));
        assert_eq!((state.entry_updated_at, state.unhealthy_since), (entry.updated_at, entry.unhealthy_since));
        assert_eq!(state.last_error.as_deref(), Some("it answered HTTP 500."));
        assert_eq!(!report.unhealthy.is_empty(), status == Status::Unhealthy);
        assert_eq!(report.notice.is_some(), status == Status::Unhealthy);
        assert_eq!(metric(&report, "ActiveServers"), if status == Status::Active { 1.0 } else { 0.0 });
    }
    assert!(stage.entry("tools").await.unhealthy_since.is_some());

    answer(&mock, ResponseTemplate::new(200)).await;
    let report = stage.run(after(15)).await;
    assert_eq!(report.healthy_again, ["tools@1.0.0"]);
    let (entry, state) = (stage.entry("tools").await, stage.state("tools").await.unwrap());
    assert_eq!((entry.status, entry.unhealthy_since), (Status::Active, None));
    assert_eq!((state.failures, state.condition, state.last_error), (0, Some(Condition::Healthy), None));
    assert_eq!(state.unhealthy_since, None);
    assert_eq!(metric(&report, "ActiveServers"), 1.0);
}

#[tokio::test]
async fn an_entry_is_written_only_when_its_status_changes() {
    let stage = Stage::new().await;
    stage.register("tools", NOWHERE, &[]).await;
    let before = stage.entry("tools").await;
    stage.run(after(0)).await;
    stage.run(after(5)).await;
    assert_eq!(stage.entry("tools").await, before);
}

#[tokio::test]
async fn a_server_is_left_alone_until_its_own_interval_is_over() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    for (server_id, interval) in [("often", 60), ("usual", 300), ("seldom", 3600)] {
        let interval = N(interval.to_string());
        let url = format!("{}/{server_id}", mock.uri());
        stage.register(server_id, &url, &[("health_check_interval", interval)]).await;
    }
    for minute in 0..=60 {
        stage.run(after(minute)).await;
    }
    let requests = mock.received_requests().await.unwrap();
    let count = |server_id: &str| requests.iter().filter(|request| request.url.path().contains(server_id)).count();
    assert_eq!(count("often"), 61);
    // Every fourth or fifth minute: up to a fifth sooner than the interval, never later.
    assert!((13..=16).contains(&count("usual")), "{}", count("usual"));
    assert_eq!(count("seldom"), 2);
}

#[tokio::test]
async fn a_changed_entry_is_checked_at_once_and_begins_anew() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    stage.register("tools", NOWHERE, &[]).await;
    stage.run(after(0)).await;
    stage.run(after(5)).await;
    assert_eq!(stage.state("tools").await.unwrap().failures, 2);
    assert_eq!(stage.run(after(6)).await.checked, 0);
    stage.change("tools", "description", "other words").await;
    stage.run(after(7)).await;
    assert_eq!((stage.state("tools").await.unwrap().failures, stage.entry("tools").await.status), (1, Status::Active));
    stage.change("tools", "endpoint_url", &mock.uri()).await;
    stage.run(after(8)).await;
    assert_eq!(stage.state("tools").await.unwrap().condition, Some(Condition::Healthy));
}

#[tokio::test]
async fn what_a_person_called_unhealthy_only_a_person_brings_back() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    stage.register("tools", &mock.uri(), &[]).await;
    stage.change("tools", "status", "unhealthy").await;
    let report = stage.run(after(0)).await;
    assert_eq!((report.checked, report.failed), (1, 0));
    assert_eq!(stage.entry("tools").await.status, Status::Unhealthy);
    assert_eq!((metric(&report, "UnhealthyServers"), metric(&report, "LongestUnhealthyMinutes")), (1.0, 0.0));
}

#[tokio::test]
async fn only_what_is_active_or_unhealthy_is_checked() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    for status in Status::ALL {
        stage.register(status.as_str(), &mock.uri(), &[("status", S(status.as_str().to_owned()))]).await;
    }
    assert_eq!(stage.run(after(0)).await.checked, 2);
    assert_eq!(mock.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_says_what_it_found_in_metrics() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    stage.register("good", &mock.uri(), &[]).await;
    stage.register("bad", NOWHERE, &[]).await;
    let since = S("2026-11-21T11:30:00.000Z".to_owned());
    stage.register("long", NOWHERE, &[("status", S("unhealthy".to_owned())), ("unhealthy_since", since)]).await;
    for (server_id, hour) in [("waits", "09"), ("waits-too", "11")] {
        let made = S(format!("2026-11-21T{hour}:00:00.000Z"));
        stage.register(server_id, NOWHERE, &[("status", S("pending".to_owned())), ("created_at", made)]).await;
    }
    let held = [("pk", "held#good@1.0.0"), ("sk", "definition"), ("proposed_at", "2026-11-21T06:00:00.000Z")];
    stage.put(STATE_TABLE, held.map(|(name, value)| (name.to_owned(), S(value.to_owned()))).into()).await;

    let report = stage.run(start()).await;
    let names = [
        "ActiveServers",
        "UnhealthyServers",
        "HealthCheckFailures",
        "LongestUnhealthyMinutes",
        "PendingApprovals",
        "OldestPendingHours",
    ];
    assert_eq!(names.map(|name| metric(&report, name)), [2.0, 1.0, 2.0, 30.0, 3.0, 6.0]);
    let of = |server_id: &str| report.metrics.iter().find(|line| line["ServerId"] == server_id).unwrap();
    assert_eq!((of("good")["ServerHealth"].as_f64(), of("bad")["ServerHealth"].as_f64()), (Some(1.0), Some(0.0)));
    assert!(of("good")["ResponseTime"].is_number() && of("bad").get("ResponseTime").is_none());
    assert_eq!(report.metrics.len(), 4);

    // Nothing is due, and the totals are the same; nothing failed now.
    let report = stage.run(after(1)).await;
    assert_eq!(names.map(|name| metric(&report, name)), [2.0, 1.0, 0.0, 31.0, 3.0, 6.0 + 1.0 / 60.0]);
}

#[tokio::test]
async fn the_mcp_version_is_kept_true() {
    let stage = Stage::new().await;
    let mock = older(serde_json::json!({ "result": {} })).await;
    let version = |version: &str| ("mcp_version", S(version.to_owned()));
    let jsonrpc = ("protocol_type", S("jsonrpc".to_owned()));
    stage.register("tools", &mock.uri(), &[jsonrpc, version("2026-07-28")]).await;
    let before = stage.entry("tools").await;
    stage.run(after(0)).await;
    let expected = Server { mcp_version: Some("2025-11-25".to_owned()), ..before };
    assert_eq!(stage.entry("tools").await, expected);
}

#[tokio::test]
async fn what_cannot_be_read_ends_no_run() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    stage.register("broken", &mock.uri(), &[("protocol_type", S("telepathy".to_owned()))]).await;
    stage.register("sound", &mock.uri(), &[]).await;
    stage.register("odd", &mock.uri(), &[]).await;
    let mut item: Item = [("pk", "health#odd@1.0.0"), ("sk", "state"), ("due_at", "soon")]
        .map(|(name, value)| (name.to_owned(), S(value.to_owned())))
        .into();
    item.insert("failures".to_owned(), S("many".to_owned()));
    stage.put(STATE_TABLE, item).await;
    assert_eq!(stage.run(start()).await.checked, 2);
    assert_eq!(stage.state("odd").await.unwrap().failures, 0);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_due_in_the_next_run_before_all_else() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    for number in 0..5 {
        stage.register(&format!("s{number}"), &mock.uri(), &[]).await;
    }
    let report = stage.checker.run(start(), Instant::now() + RESERVE + PATIENCE).await.unwrap();
    assert_eq!((report.checked, report.left), (0, 5));
    assert_eq!(stage.state("s0").await, None, "nothing is claimed");
    assert_eq!(stage.run(after(1)).await.checked, 5);

    let listed = |server_id: &str| Listed {
        server_id: server_id.to_owned(),
        version: "1.0.0".to_owned(),
        status: Status::Active,
        created_at: String::new(),
        updated_at: String::new(),
    };
    let state = |minute: i64| State {
        due_at: crate::health::iso(after(minute)),
        condition: Some(Condition::Healthy),
        ..State::default()
    };
    let all = ["late", "later", "new", "not-yet"].map(listed);
    let states = [("late", 2), ("later", 1), ("not-yet", 11)].map(|(id, due)| (format!("{id}@1.0.0"), state(due)));
    let order: Vec<_> = due(&all, &states.into(), after(10)).into_iter().map(|it| it.server_id.as_str()).collect();
    assert_eq!(order, ["new", "later", "late"]);
}

#[tokio::test]
async fn one_notice_tells_of_all_that_changed() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    let since = || S("2026-11-21T11:30:00.000Z".to_owned());
    let unhealthy = [("status", S("unhealthy".to_owned())), ("unhealthy_since", since())];
    stage.register("back", &mock.uri(), &unhealthy).await;
    for number in 0..60 {
        stage.register(&format!("lost-{number:02}"), NOWHERE, &[("server_name", S("a\nb".to_owned()))]).await;
    }
    assert!(stage.run(after(0)).await.notice.unwrap().text.contains("\nHealthy again, called again:\n- back@1.0.0"));
    assert_eq!(stage.run(after(5)).await.notice, None);
    let notice = stage.run(after(10)).await.notice.unwrap();
    assert_eq!(notice.subject, "MCP servers: 60 unhealthy, 0 healthy again");
    assert!(
        notice.text.contains("\n- lost-00@1.0.0 (a b), owner token:team: no connection to 127.0.0.1:9"),
        "{}",
        notice.text
    );
    assert!(
        notice.text.contains("\n- lost-49@1.0.0")
            && !notice.text.contains("lost-50")
            && notice.text.contains("and 10 more")
    );
    assert!(!notice.text.contains("Healthy again"));
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_stays_as_it_is() {
    let stage = Stage::new().await;
    let mock = answering(200).await;
    // Nobody answers for Secrets Manager.
    let with_key = [("authentication_type", S("api_key".to_owned())), ("health_check_interval", N("60".to_owned()))];
    stage.register("tools", &mock.uri(), &with_key).await;
    let before = stage.entry("tools").await;
    for minute in 0..3 {
        let report = stage.run(after(minute)).await;
        assert_eq!((report.checked, report.failed, report.metrics.len()), (1, 1, 1), "ServerHealth is not known");
    }
    let state = stage.state("tools").await.unwrap();
    assert_eq!((state.condition, state.failures), (Some(Condition::Unknown), 0));
    assert!(state.last_error.unwrap().contains("switchyard/test/mcp/tools/api_key"));
    assert_eq!(stage.entry("tools").await, before);
    assert!(mock.received_requests().await.unwrap().is_empty());
}
