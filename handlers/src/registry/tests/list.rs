//! Lists, page by page.

use std::collections::BTreeSet;

use super::*;

/// Forty servers in all statuses, of two protocols and two stacks.
async fn many() -> Registry {
    let registry = registry().await;
    for n in 0..40 {
        let status = Status::ALL[n % Status::ALL.len()];
        let entry = Server {
            server_id: format!("server-{n:02}"),
            server_name: format!("Server {n:02} of {}", if n % 4 == 0 { "Weather" } else { "Money" }),
            protocol_type: if n % 2 == 0 { ProtocolType::JsonRpc } else { ProtocolType::Rest },
            deployment_stack: Some(if n % 3 == 0 { "Alpha" } else { "Beta" }.to_owned()),
            created_at: format!("2026-01-{:02}T00:00:00.000Z", n % 28 + 1),
            updated_at: format!("2026-02-{:02}T00:00:00.000Z", n % 28 + 1),
            ..server("1.0.0", status.as_str(), &alpha("A"))
        };
        let item: Item = serde_dynamo::to_item(entry).unwrap();
        registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(item)).send().await.unwrap();
    }
    registry
}

/// All pages of a list.
async fn all(registry: &Registry, filter: &Filter, limit: usize) -> Vec<Summary> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = registry.list(filter, limit, cursor.as_deref()).await.unwrap();
        assert!(page.servers.len() <= limit);
        found.extend(page.servers);
        cursor = page.cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_hold_every_entry_once_and_in_the_same_order() {
    let registry = many().await;
    let whole = all(&registry, &Filter::default(), 100).await;
    assert_eq!(whole.iter().map(|found| &found.server_id).collect::<BTreeSet<_>>().len(), 40);
    let order: Vec<_> = whole
        .iter()
        .map(|found| (Status::ALL.iter().position(|status| *status == found.status), found.updated_at.clone()))
        .collect();
    assert!(order.is_sorted_by(|a, b| a.0 < b.0 || (a.0 == b.0 && a.1 >= b.1)), "{order:?}");
    for limit in [1, 7, 39, 40, 41] {
        assert_eq!(all(&registry, &Filter::default(), limit).await, whole, "pages of {limit}");
    }
}

/// A filter and the numbers of the servers that match it.
type Case = (&'static str, Filter, fn(usize) -> bool);

#[tokio::test]
async fn everything_that_a_filter_names_has_to_match() {
    let registry = many().await;
    let by_status = |status| Filter { statuses: vec![status], ..Filter::default() };
    let by_text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    let by_protocol = |protocol| Filter { protocol: Some(protocol), ..Filter::default() };
    let by_stack = |stack: &str| Filter { stack: Some(stack.to_owned()), ..Filter::default() };
    let since = Filter { updated_since: Some("2026-02-20T00:00:00Z".parse().unwrap()), ..Filter::default() };
    let cases: Vec<Case> = vec![
        ("a status", by_status(Status::Active), |n| n % 7 == 1),
        ("two statuses", Filter { statuses: vec![Status::Active, Status::Pending], ..Filter::default() }, |n| {
            n % 7 < 2
        }),
        ("a protocol", by_protocol(ProtocolType::Rest), |n| n % 2 == 1),
        ("a stack", by_stack("Alpha"), |n| n % 3 == 0),
        ("no such stack", by_stack("Gamma"), |_| false),
        ("a text in any case", by_text("wEATHER"), |n| n % 4 == 0),
        ("a text in the id", by_text("er-07"), |n| n == 7),
        ("a time", since.clone(), |n| n % 28 >= 19),
        (
            "a protocol and a status",
            Filter { statuses: vec![Status::Active], ..by_protocol(ProtocolType::Rest) },
            |n| n % 7 == 1 && n % 2 == 1,
        ),
        (
            "a stack, a status and a text",
            Filter { statuses: vec![Status::Pending], stack: Some("Alpha".to_owned()), ..by_text("weather") },
            |n| n % 3 == 0 && n % 7 == 0 && n % 4 == 0,
        ),
        ("a stack and a time", Filter { stack: Some("Beta".to_owned()), ..since }, |n| n % 3 != 0 && n % 28 >= 19),
    ];
    for (name, filter, matches) in cases {
        let wanted: BTreeSet<_> = (0..40).filter(|n| matches(*n)).map(|n| format!("server-{n:02}")).collect();
        for limit in [3, 50] {
            let found = all(&registry, &filter, limit).await;
            assert_eq!(found.len(), wanted.len(), "{name}");
            assert_eq!(found.into_iter().map(|found| found.server_id).collect::<BTreeSet<_>>(), wanted, "{name}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_filter_and_as_it_was_given() {
    let registry = many().await;
    let filter = Filter { text: Some("server".to_owned()), ..Filter::default() };
    let cursor = registry.list(&filter, 5, None).await.unwrap().cursor.unwrap();
    assert_eq!(registry.list(&filter, 5, Some(&cursor)).await.unwrap().servers.len(), 5);
    let other = Filter { text: Some("serve".to_owned()), ..Filter::default() };
    assert_eq!(registry.list(&other, 5, Some(&cursor)).await.unwrap_err().kind(), crate::error::Kind::Invalid);
    let mut tampered: Vec<String> = (0..cursor.len())
        .map(|at| {
            let digit = if cursor.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{digit}{}", &cursor[..at], &cursor[at + 1..])
        })
        .collect();
    tampered.extend(["", "x", "ä", "0123456789abcdef", &cursor[..cursor.len() - 2]].map(str::to_owned));
    tampered.push("f".repeat(100_000));
    for wrong in tampered {
        let error = registry.list(&filter, 5, Some(&wrong)).await.unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Invalid, "{wrong}");
    }
}

#[tokio::test]
async fn what_nobody_can_read_hides_nothing_else() {
    let registry = many().await;
    let mut broken: Item = serde_dynamo::to_item(server("1.0.0", "active", "")).unwrap();
    broken.insert("updated_at".to_owned(), AttributeValue::S("2026-03-01T00:00:00Z".to_owned()));
    broken.remove("endpoint_url");
    registry.client.put_item().table_name(REGISTRY_TABLE).set_item(Some(broken)).send().await.unwrap();
    assert_eq!(all(&registry, &Filter::default(), 10).await.len(), 40);
}

#[tokio::test]
async fn versions_come_highest_first_as_versions_go() {
    let registry = registry().await;
    for version in ["1.9.0", "1.10.0", "2.0.0-rc.1", "0.1.0"] {
        registry.register(&server(version, "active", &alpha("A"))).await.unwrap();
    }
    let versions = registry.versions("pipelines").await.unwrap();
    let versions: Vec<_> = versions.iter().map(|found| found.version.as_str()).collect();
    assert_eq!(versions, ["2.0.0-rc.1", "1.10.0", "1.9.0", "0.1.0"]);
    assert!(registry.versions("nobody").await.unwrap().is_empty());
}
