//! Several messages of one session, and answers that are not what one hopes for.

use serde_json::json;

use super::*;

/// A session with an agent.
struct Talk {
    agent: &'static str,
    history: Vec<Message>,
}

impl Talk {
    fn new(agent: &'static str) -> Self {
        Self { agent, history: Vec::new() }
    }

    fn say(&mut self, text: &str) -> (Vec<Call>, String) {
        self.say_to(text, willing)
    }

    fn say_to(&mut self, text: &str, answer: impl FnMut(&Call) -> CallResult) -> (Vec<Call>, String) {
        turn(&REPOSITORY, self.agent, &mut self.history, text, answer)
    }
}

/// Function and the named arguments of the last call.
fn last(calls: &[Call], names: &[&str]) -> String {
    let Some(call) = calls.last() else { return String::from("no call") };
    let values: Vec<&str> = names.iter().map(|name| call.parameters.get(*name).map_or("-", String::as_str)).collect();
    format!("{} {}", call.function, values.join(" "))
}

const HANDED_ON: &[&str] = &["agent_type", "environment", "tenant_id"];

#[test]
fn an_answer_completes_the_wish() {
    for (wish, answers, expected, text) in [
        ("spin up two servers for acme", &["dev"][..], "invoke_agent compute dev acme", "two servers"),
        ("spin up two servers for acme", &["in production, please"], "invoke_agent compute prod acme", "two servers"),
        ("launch three servers in dev", &["acme"], "invoke_agent compute dev acme", "three servers"),
        ("launch three servers in dev", &["it's for globex"], "invoke_agent compute dev globex", "three servers"),
        ("launch servers", &["for acme in test"], "invoke_agent compute test acme", "servers"),
        ("launch servers", &["dev", "initech"], "invoke_agent compute dev initech", "servers"),
        ("roll out billing for globex on staging", &["2.3.1"], "invoke_agent app staging globex", "2.3.1"),
        ("roll out billing for globex on staging", &["version 2.3.1"], "invoke_agent app staging globex", "2.3.1"),
        ("deploy version 2.3.1 for globex on staging", &["billing"], "invoke_agent app staging globex", "billing"),
        ("create the network in the qa environment", &["test then"], "invoke_agent bootstrap test -", "network"),
        ("create the network in dev and prod", &["dev"], "invoke_agent bootstrap dev -", "network"),
        ("launch 2 servers for acme and globex in dev", &["globex"], "invoke_agent compute dev globex", "2 servers"),
        ("deploy something in dev for acme", &["compute"], "invoke_agent compute dev acme", "something"),
        ("deploy something in dev", &["the network"], "invoke_agent bootstrap dev -", "something"),
        (
            "deploy bootstrap",
            &["what is deployed in dev?", "deploy bootstrap", "dev"],
            "invoke_agent bootstrap dev -",
            "bootstrap",
        ),
    ] {
        let mut talk = Talk::new("orchestrator");
        let (calls, question) = talk.say(wish);
        assert!(calls.is_empty(), "{wish}: {question}");
        let mut calls = Vec::new();
        let mut said = String::new();
        for answer in answers {
            (calls, said) = talk.say(answer);
        }
        assert_eq!(last(&calls, HANDED_ON), expected, "{wish} / {answers:?}: {said}");
        assert!(calls.last().unwrap().parameters["instruction"].contains(text), "{:?}", calls.last());
        // The specialist understands what it is handed.
        let specialist = calls.last().unwrap().parameters["agent_type"].clone();
        let (inner, said) =
            turn(&REPOSITORY, &specialist, &mut Vec::new(), &calls.last().unwrap().parameters["instruction"], willing);
        assert_eq!(inner.len(), 1, "{wish} / {answers:?}: {:?}: {said}", calls.last());
    }
}

#[test]
fn the_same_for_another() {
    let mut talk = Talk::new("orchestrator");
    talk.say("three t3.large for tenant acme in dev");
    let (calls, _) = talk.say("and the same for globex");
    assert_eq!(last(&calls, HANDED_ON), "invoke_agent compute dev globex");
    assert_eq!(calls.last().unwrap().parameters["instruction"], "three t3.large for tenant globex in dev");
    let (calls, _) = talk.say("same in test please");
    assert_eq!(last(&calls, HANDED_ON), "invoke_agent compute test globex");
    let (calls, _) = talk.say("what is deployed in dev?");
    assert_eq!(last(&calls, &["environment"]), "query_deployments dev");
    let (calls, _) = talk.say("and in prod?");
    assert_eq!(last(&calls, &["environment"]), "query_deployments prod");
}

#[test]
fn a_question_after_a_wish_does_not_wish_again() {
    let mut talk = Talk::new("orchestrator");
    talk.say("three t3.large for tenant acme in dev");
    let (calls, said) = talk.say("what about staging?");
    assert!(calls.iter().all(|call| call.function == "query_deployments"), "{calls:?} {said}");
}

#[test]
fn is_it_done() {
    let record = |status: &str| {
        json!({ "message": "One deployment.", "deployment": { "execution_id": ID, "environment": "dev",
        "tenant_id": "acme", "pipeline_type": "compute", "agent": "compute", "status": status } })
    };
    for question in
        ["is it done?", "how is it going?", "status?", "what is the status of the deployment?", "is it done yet"]
    {
        let mut talk = Talk::new("orchestrator");
        talk.say("three t3.large for tenant acme in dev");
        let (calls, said) = talk.say_to(question, |call| match call.function.as_str() {
            "get_deployment" => result(record("running")),
            _ => result(json!({ "message": "It has succeeded.", "agent": "compute", "steps": [] })),
        });
        assert_eq!(last(&calls[..1], &["execution_id"]), format!("get_deployment {ID}"), "{question}");
        assert_eq!(
            last(&calls, HANDED_ON),
            "invoke_agent compute dev acme",
            "{question}: the specialist knows how it stands now"
        );
        assert_eq!(said, "It has succeeded.", "{question}");
        let status = &calls[1].parameters["instruction"];
        let (inner, _) = turn(&REPOSITORY, "compute", &mut Vec::new(), status, willing);
        assert_eq!(last(&inner, &["execution_id"]), format!("get_pipeline_status {ID}"), "{status}");
    }
    let mut talk = Talk::new("orchestrator");
    talk.say("three t3.large for tenant acme in dev");
    let (calls, _) = talk.say_to("is it done?", |_| result(record("succeeded")));
    assert_eq!(calls.len(), 1, "what has ended is not looked at again");
}

/// The history has a run in this state; the specialist reports it in `now`.
fn with_history(status: &'static str, tenant: &'static str, now: &'static str) -> impl Fn(&Call) -> CallResult {
    move |call| match call.function.as_str() {
        "query_deployments" => result(json!({ "message": "One deployment.", "deployments": [{ "execution_id": ID,
            "environment": "dev", "tenant_id": tenant, "pipeline_type": "compute", "agent": "compute", "status": status }] })),
        _ if call.parameters["instruction"].contains(ID) => {
            let tool = json!({ "execution_id": ID, "status": now, "message": format!("It is {now}.") }).to_string();
            result(json!({ "message": format!("It is {now}."), "agent": "compute", "steps": [{ "agent": "compute",
                "action_group": "pipelines", "function": "get_pipeline_status", "parameters": { "execution_id": ID }, "result": tool }] }))
        }
        _ => result(json!({ "message": "Started a new one.", "execution_id": ID, "status": "starting" })),
    }
}

#[test]
fn what_is_under_way_is_not_started_again() {
    for (status, tenant, now, started) in [
        ("running", "acme", "running", false),
        ("awaiting_approval", "acme", "awaiting_approval", false),
        ("running", "acme", "failed", true),
        ("running", "acme", "succeeded", true),
        ("failed", "acme", "failed", true),
        ("succeeded", "acme", "succeeded", true),
        ("running", "globex", "running", true),
    ] {
        let mut talk = Talk::new("orchestrator");
        let (calls, said) = talk.say_to("three t3.large for tenant acme in dev", with_history(status, tenant, now));
        assert_eq!(calls[0].function, "query_deployments");
        assert_eq!(said.contains("Started a new one"), started, "{status} for {tenant}, now {now}: {said}");
        if !started {
            assert!(said.contains(ID) && said.contains("already under way"), "{said}");
        }
    }
}

#[test]
fn a_refused_value_is_asked_for_and_replaced() {
    let mut talk = Talk::new("compute");
    let refuse = |_: &Call| CallResult {
        body: json!({ "message": "execute_compute_pipeline: `instance_count` must be at most 20, not `50`." })
            .to_string(),
        reprompt: true,
    };
    let (calls, said) = talk.say_to("50 t3.large for tenant acme in dev", refuse);
    assert_eq!(calls.len(), 1, "what starts something is not tried again with other values");
    assert!(said.contains("at most 20"));
    let (calls, _) = talk.say("20");
    assert_eq!(
        last(&calls, &["instance_count", "instance_type", "tenant_id", "environment"]),
        "execute_compute_pipeline 20 t3.large acme dev"
    );
}

#[test]
fn a_guessed_filter_is_dropped_when_it_is_refused() {
    let mut talk = Talk::new("orchestrator");
    let (calls, said) = talk.say_to("which servers do we have in dev?", |call| {
        if call.parameters.contains_key("pipeline_type") {
            CallResult { body: json!({ "message": "`pipeline_type` compute is unknown." }).to_string(), reprompt: true }
        } else {
            result(json!({ "message": "Two deployments." }))
        }
    });
    assert_eq!((calls.len(), said.as_str()), (2, "Two deployments."));
}

#[test]
fn a_question_about_everything_is_not_about_the_last_run() {
    for question in ["what is deployed?", "show everything that is running", "what's running in test?"] {
        let mut talk = Talk::new("orchestrator");
        talk.say("three t3.large for tenant acme in dev");
        let (calls, said) = talk.say(question);
        assert_eq!(calls.last().map(|call| call.function.as_str()), Some("query_deployments"), "{question}: {said}");
    }
}

#[test]
fn what_a_specialist_asks_is_passed_on_with_the_answer() {
    let mut talk = Talk::new("orchestrator");
    let (_, said) = talk.say_to("roll out billing 2.3.1 for globex on staging", |call| match call.function.as_str() {
        "query_deployments" => willing(call),
        _ => result(json!({ "message": "Which region?", "agent": "app", "steps": [] })),
    });
    assert_eq!(said, "Which region?");
    let (calls, _) = talk.say("eu-west-1");
    assert_eq!(
        calls.last().unwrap().parameters["instruction"],
        "roll out billing 2.3.1 for globex on staging; eu-west-1"
    );
}

#[test]
fn never_mind_drops_the_question() {
    let mut talk = Talk::new("orchestrator");
    talk.say("launch three servers in dev");
    let (calls, said) = talk.say("never mind");
    assert!(calls.is_empty() && said.contains("Nothing was started"), "{said}");
    let (calls, said) = talk.say("acme");
    assert!(calls.is_empty(), "{said}");
}

#[test]
fn a_no_while_a_question_is_open_starts_nothing() {
    for no in ["no", "don't do it", "please don't launch anything", "stop"] {
        let mut talk = Talk::new("orchestrator");
        talk.say("launch three servers in dev");
        let (calls, said) = talk.say(no);
        assert!(calls.is_empty(), "{no}: {said}");
    }
}

#[test]
fn a_failed_one_is_tried_again() {
    let mut talk = Talk::new("orchestrator");
    talk.say("three t3.large for tenant acme in dev");
    talk.say("what is deployed in dev?");
    for again in ["try again", "once more please", "again"] {
        let (calls, _) = talk.say(again);
        assert_eq!(last(&calls, HANDED_ON), "invoke_agent compute dev acme", "{again}");
    }
}

#[test]
fn the_first_failure_stops_the_rest() {
    let mut talk = Talk::new("orchestrator");
    let (calls, said) = talk.say_to("set up the network in dev and then launch three servers for acme", |call| {
        match call.function.as_str() {
            "query_deployments" => willing(call),
            _ => result(json!({ "message": "GitLab refused the token.", "agent": "bootstrap", "steps": [] })),
        }
    });
    assert_eq!(last(&calls, HANDED_ON), "invoke_agent bootstrap dev -");
    assert!(said.contains("GitLab refused the token.") && said.contains("not started: compute"), "{said}");
}

#[test]
fn findings_are_listed() {
    let mut talk = Talk::new("orchestrator");
    let (_, said) = talk.say_to("what is running in dev?", |_| {
        result(json!({ "message": "1 deployment.", "deployments": [{ "execution_id": ID, "status": "running", "tenant_id": null }] }))
    });
    assert_eq!(said, format!("1 deployment.\n- execution id: {ID}, status: running"));
}
