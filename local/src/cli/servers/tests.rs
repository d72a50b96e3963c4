//! The command line as a person types it, and the screens that follow.

use clap::Parser;
use serde_json::{Value, json};

use super::{ServersArguments, reference::Entry, table::SCREEN, view};
use crate::terminal::Terminal;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    servers: ServersArguments,
}

fn parses(line: &str) -> bool {
    Line::try_parse_from(std::iter::once("servers").chain(line.split_whitespace())).is_ok()
}

#[test]
fn every_command_is_understood() {
    for line in [
        "list --status active --protocol jsonrpc --stack Team --text weather --limit 5 --json",
        "show weather",
        "register --file - --json",
        "approve weather@1.0.0 --hash 5f0c --url https://example.com/dev --region eu-west-1",
        "reject weather --reason no",
        "test weather",
        "refresh weather",
        "rm weather@1.0.0 --yes",
        "status weather maintenance",
        "held weather",
        "audit weather --limit 5",
    ] {
        assert!(parses(line), "{line}");
    }
    for line in [
        "list --status gone",
        "list --protocol soap",
        "list --limit 0",
        "show",
        "show Weather",
        "reject weather",
        "status weather gone",
        "audit weather --limit 0",
        "register --metadata team",
    ] {
        assert!(!parses(line), "{line}");
    }
}

fn server() -> Value {
    json!({
        "server_id": "weather", "version": "1.2.0", "server_name": "Weather", "status": "active",
        "description": "Tells the weather of all cities. ".repeat(6), "endpoint_url": "https://weather.example.com/mcp",
        "protocol_type": "jsonrpc", "authentication_type": "api_key", "configuration": {}, "metadata": { "team": "met" },
        "available_tools": [
            { "name": "get_forecast", "description": "Tells \u{1b}[31mthe forecast\nof a city. ".repeat(5),
              "annotations": { "readOnlyHint": true } },
            { "name": "set_alarm", "description": "", "annotations": { "destructiveHint": false } },
            { "name": "reset", "annotations": {} },
        ],
    })
}

fn fits(screen: &str) {
    assert!(screen.lines().all(|line| line.chars().count() <= SCREEN), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn a_server_is_shown_with_what_its_tools_change() {
    let screen = view::server(Terminal::plain(), &server());
    fits(&screen);
    assert!(
        screen.starts_with("weather@1.2.0  active\n\nname         Weather\ndescription  Tells the weather"),
        "{screen}"
    );
    assert!(screen.contains("metadata     {\"team\":\"met\"}") && !screen.contains("configuration"), "{screen}");
    for line in
        ["get_forecast  nothing      Tells [31mthe forecast", "set_alarm     adds\n", "reset         may destroy"]
    {
        assert!(screen.contains(line), "{line:?} in {screen}");
    }
}

#[test]
fn a_held_definition_is_shown_beside_the_approved_one() {
    let held = json!({
        "proposed": { "definition_hash": "5f0c" }, "changed": ["endpoint_url", "available_tools"], "source": "refresh",
        "proposed_by": "arn:aws:iam::123456789012:user/ann", "proposed_at": "2026-02-01T00:00:00.000Z", "outdated": true,
        "before": { "endpoint_url": "https://weather.example.com/mcp", "available_tools": [{ "name": "reset" }] },
        "after": { "endpoint_url": "https://elsewhere.example.com/mcp", "available_tools": [{ "name": "erase" }] },
    });
    let entry = Entry { server_id: "weather".to_owned(), version: "1.2.0".to_owned() };
    let screen = view::held(Terminal::plain(), &entry, &held);
    for line in [
        "proposed by  arn:aws:iam::123456789012:user/ann",
        "endpoint_url\n  - https://weather.example.com/mcp\n  + https://elsewhere.example.com/mcp",
        "  - {\"name\":\"reset\"}\n  + {\"name\":\"erase\"}",
        "can only be rejected",
        "switchyard servers approve weather@1.2.0 --hash 5f0c",
    ] {
        assert!(screen.contains(line), "{line:?} in {screen}");
    }
}

#[test]
fn the_audit_tells_when_what_and_who() {
    let answer = json!({ "records": [{
        "at": "2026-02-01T00:00:00.000Z", "version": "1.2.0", "action": "status_changed", "reason": "too slow",
        "who": "arn:aws:iam::123456789012:user/ann", "before": { "status": "active" }, "after": { "status": "inactive" },
    }] });
    let screen = view::audit(Terminal::plain(), &answer);
    fits(&screen);
    let expected = "2026-02-01T00:00:00  1.2.0  status changed\nby      arn:aws:iam::123456789012:user/ann\n\
        why     too slow\nstatus  active → inactive";
    assert_eq!(screen, expected);
    assert_eq!(view::audit(Terminal::plain(), &json!({ "records": [] })), "Nothing was changed yet.");
}

#[test]
fn a_registration_says_what_is_next() {
    let answer =
        json!({ "server_id": "weather", "version": "1.0.0", "status": "pending", "message": "It waits for approval." });
    let screen = view::entered(Terminal::plain(), &answer);
    assert_eq!(screen, "weather@1.0.0  pending\nIt waits for approval.\nswitchyard servers approve weather@1.0.0");
}
