use std::path::Path;

use super::*;
use crate::agents::fake::{FakeBedrock, Part, Script, answered, called, chunk, exception};

const SPECIALISTS: [&str; 4] = ["app", "bootstrap", "compute", "tools"];

fn config() -> env::AgentInvoker {
    env::AgentInvoker {
        agents: SPECIALISTS.iter().map(|name| ((*name).to_owned(), format!("{}/LOCAL", name.to_uppercase()))).collect(),
        task_root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
    }
}

fn invoker(bedrock: &FakeBedrock) -> AgentInvoker {
    AgentInvoker::new(&config(), &crate::test_support::sdk_config(&bedrock.endpoint)).unwrap()
}

fn invocation(left: Duration) -> Invocation {
    Invocation {
        request_id: "request-1".to_owned(),
        deadline: Instant::now() + left,
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:switchyard-test-agent_invoker".to_owned(),
        client_context: None,
    }
}

/// An event with every field AWS documents.
fn event(parameters: &[(&str, &str)]) -> Value {
    let parameters: Vec<Value> =
        parameters.iter().map(|(name, value)| json!({ "name": name, "type": "string", "value": value })).collect();
    json!({
        "messageVersion": "1.0",
        "agent": { "name": "switchyard-dev-orchestrator", "id": "ORCHESTRAT", "alias": "LOCAL", "version": "1" },
        "inputText": "Deploy bootstrap infrastructure for dev environment",
        "sessionId": "orchestrator-session",
        "actionGroup": "invoke-specialized-agent",
        "function": "invoke_agent",
        "parameters": parameters,
        "sessionAttributes": { "requested_by": "arn:aws:iam::123456789012:user/alice", "session_id": "orchestrator-session" },
        "promptSessionAttributes": {},
    })
}

const WORK: [(&str, &str); 3] =
    [("agent_type", "bootstrap"), ("instruction", "Create the network"), ("environment", "dev")];

struct Told {
    state: Option<String>,
    body: Value,
}

async fn tell(bedrock: &FakeBedrock, event: Value, left: Duration) -> Told {
    let answer = invoker(bedrock).handle(event, invocation(left)).await.unwrap();
    let response = &answer["response"]["functionResponse"];
    Told {
        state: response["responseState"].as_str().map(str::to_owned),
        body: serde_json::from_str(response["responseBody"]["TEXT"]["body"].as_str().unwrap()).unwrap(),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_specialist_works_and_its_steps_come_back() {
    let bedrock = FakeBedrock::streaming([
        called("t", "pipelines", "execute_bootstrap_pipeline", &[("environment", "dev")]),
        answered("t", &"x".repeat(3000)),
        chunk("Started as 0198."),
    ])
    .await;
    let told = tell(&bedrock, event(&WORK), MINUTE).await;
    assert_eq!(told.state, None);
    assert_eq!(told.body["message"], "Started as 0198.");
    assert_eq!(told.body["agent"], "bootstrap");
    assert_eq!(told.body["steps"][0]["agent"], "bootstrap");
    assert_eq!(told.body["steps"][0]["function"], "execute_bootstrap_pipeline");
    assert_eq!(told.body["steps"][0]["result"].as_str().unwrap().chars().count(), 2000);

    let asked = bedrock.asked().remove(0);
    assert_eq!((asked.agent.as_str(), asked.alias.as_str()), ("BOOTSTRAP", "LOCAL"));
    assert_eq!(asked.body["inputText"], "Create the network. Environment: dev.");
    assert_eq!(
        asked.body["sessionState"]["sessionAttributes"],
        json!({ "agent": "bootstrap", "requested_by": "arn:aws:iam::123456789012:user/alice", "session_id": "orchestrator-session" })
    );
}

#[tokio::test]
async fn each_specialist_has_its_own_session_for_each_of_the_orchestrators() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    let mut other_session = event(&WORK);
    other_session["sessionAttributes"]["session_id"] = json!("another-session");
    let mut other_agent = event(&WORK);
    other_agent["parameters"][0]["value"] = json!("compute");
    for event in [event(&WORK), event(&WORK), other_session, other_agent] {
        tell(&bedrock, event, MINUTE).await;
    }
    let sessions: Vec<_> = bedrock.asked().into_iter().map(|asked| asked.session).collect();
    assert_eq!(sessions[0], sessions[1]);
    assert_eq!(std::collections::BTreeSet::from_iter(&sessions).len(), 3);
    assert!(sessions.iter().all(|session| session != "orchestrator-session"));
}

#[tokio::test]
async fn an_unknown_specialist_is_answered_with_the_known_ones() {
    let bedrock = FakeBedrock::streaming([chunk("never")]).await;
    let told = tell(&bedrock, event(&[("agent_type", "database"), WORK[1], WORK[2]]), MINUTE).await;
    assert_eq!(told.state.as_deref(), Some("REPROMPT"));
    let message = told.body["message"].as_str().unwrap();
    for part in ["\"database\"", "app (Deploys an application", "bootstrap (Creates the network", "compute (Provisions"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert!(bedrock.asked().is_empty());
}

#[tokio::test]
async fn wrong_arguments_are_for_the_model_to_mend() {
    let bedrock = FakeBedrock::streaming([chunk("never")]).await;
    for (parameters, word) in [
        (vec![WORK[0], WORK[2]], "instruction"),
        (vec![WORK[1], WORK[2]], "agent_type"),
        (vec![WORK[0], WORK[1], ("environment", "moon")], "environment"),
        (vec![WORK[0], WORK[1], WORK[2], ("requested_by", "root")], "requested_by"),
        (vec![("agent_type", " "), WORK[1], WORK[2]], "agent_type"),
        (vec![("agent_type", "orchestrator"), WORK[1], WORK[2]], "orchestrator"),
    ] {
        let told = tell(&bedrock, event(&parameters), MINUTE).await;
        assert_eq!(told.state.as_deref(), Some("REPROMPT"));
        assert!(told.body["message"].as_str().unwrap().contains(word), "{}", told.body);
    }
    assert!(bedrock.asked().is_empty());
}

#[tokio::test]
async fn a_failure_is_an_answer_that_says_whether_something_may_have_started() {
    let throttled = || exception("throttlingException", &json!({ "message": "slow" }));
    let told = tell(&FakeBedrock::streaming([throttled()]).await, event(&WORK), MINUTE).await;
    assert_eq!(told.state, None);
    let message = told.body["message"].as_str().unwrap();
    assert!(message.starts_with("The bootstrap specialist did not finish its work. "), "{message}");
    assert!(!message.contains("deployment history"), "{message}");
    assert_eq!(told.body["steps"], json!([]));

    let acted = called("t", "pipelines", "execute_bootstrap_pipeline", &[("environment", "dev")]);
    let told = tell(&FakeBedrock::streaming([acted, throttled()]).await, event(&WORK), MINUTE).await;
    assert_eq!(told.state, None);
    assert!(told.body["message"].as_str().unwrap().contains("check the deployment history before trying again"));
    assert_eq!(told.body["steps"][0]["function"], "execute_bootstrap_pipeline");
    assert_eq!(told.body["agent"], "bootstrap");
}

#[tokio::test]
async fn no_failure_of_a_specialist_ends_the_session() {
    for kind in
        ["AccessDeniedException", "ResourceNotFoundException", "ValidationException", "DependencyFailedException"]
    {
        let bedrock = FakeBedrock::start(Script::Refusal(400, kind, json!({}), None)).await;
        let told = tell(&bedrock, event(&WORK), MINUTE).await;
        assert_eq!(told.state, None, "{kind}");
        assert_eq!(told.body["agent"], "bootstrap");
    }
}

#[tokio::test]
async fn the_answer_comes_before_lambdas_deadline() {
    let bedrock = FakeBedrock::streaming([Part::Pause(MINUTE), chunk("too late")]).await;
    let started = Instant::now();
    let told = tell(&bedrock, event(&WORK), MARGIN + Duration::from_millis(200)).await;
    assert!(started.elapsed() < MARGIN, "{:?}", started.elapsed());
    let message = told.body["message"].as_str().unwrap();
    assert!(message.contains("time for this request was over") && message.contains("deployment history"), "{message}");
}

#[tokio::test]
async fn a_call_without_session_and_attributes_works_and_invents_nothing() {
    let bedrock = FakeBedrock::streaming([chunk("ok")]).await;
    let bare = json!({
        "messageVersion": "1.0", "actionGroup": "invoke-specialized-agent", "function": "invoke_agent",
        "parameters": event(&WORK)["parameters"],
    });
    for _ in 0..2 {
        assert_eq!(tell(&bedrock, bare.clone(), MINUTE).await.body["message"], "ok");
    }
    let asked = bedrock.asked();
    assert_eq!(asked[0].body["sessionState"]["sessionAttributes"], json!({ "agent": "bootstrap" }));
    assert_ne!(asked[0].session, asked[1].session);

    let mut only_session = event(&WORK);
    only_session["sessionAttributes"] = Value::Null;
    tell(&bedrock, only_session, MINUTE).await;
    assert_eq!(
        bedrock.asked()[2].body["sessionState"]["sessionAttributes"],
        json!({ "agent": "bootstrap", "session_id": "orchestrator-session" })
    );
}

#[test]
fn environment_and_tenant_are_said_once() {
    let said = |instruction: &str, tenant: Option<&str>| {
        let mut arguments = Map::from_iter([("environment".to_owned(), json!("dev"))]);
        arguments.extend(tenant.map(|tenant| ("tenant_id".to_owned(), json!(tenant))));
        with_context(instruction, &arguments)
    };
    assert_eq!(said("Create the network", None), "Create the network. Environment: dev.");
    assert_eq!(said("Create the network in DEV!", None), "Create the network in DEV!");
    assert_eq!(
        said("For developers in dev-2: go", Some("acme")),
        "For developers in dev-2: go. Environment: dev. Tenant: acme."
    );
    assert_eq!(said("Two servers for Acme, dev", Some("acme")), "Two servers for Acme, dev");
    assert_eq!(said("Server for acme.", Some("")), "Server for acme. Environment: dev.");
}

#[test]
fn a_specialist_that_is_not_deployed_is_found_at_the_start() {
    let sdk = crate::test_support::sdk_config("http://127.0.0.1:9");
    let mut config = config();
    config.agents.remove("compute");
    let error = AgentInvoker::new(&config, &sdk).unwrap_err();
    assert!(error.message().contains("no entry for compute"), "{error}");
    config.agents.insert("compute".into(), "nonsense".into());
    let error = AgentInvoker::new(&config, &sdk).unwrap_err();
    assert!(error.message().starts_with("AGENTS, entry compute, must be"), "{error}");
    config.task_root = "/nowhere".into();
    let error = AgentInvoker::new(&config, &sdk).unwrap_err();
    assert!(error.message().starts_with("The agents cannot be loaded: "), "{error}");
}
