//! A pipelines server behind Lambda's Invoke API: it starts pipelines with ids, knows their status, and misbehaves on demand.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// What happens to the next calls that start a pipeline.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behaviour {
    /// A pipeline starts.
    Run,
    /// The tool answers with an error; nothing starts.
    Refuse(&'static str),
    /// A pipeline starts, and the function ends before it answers.
    RunAndCrash,
    /// A pipeline starts, and no answer comes.
    RunAndHang,
    /// The function ends before anything starts.
    CrashBefore,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    /// Each call: the JSON-RPC request.
    calls: Vec<Value>,
    functions: Vec<String>,
    /// Execution id and status; the pipeline id is the place, from 1.
    pipelines: Vec<(Value, String)>,
}

#[derive(Debug, Clone)]
struct Player(Arc<Mutex<State>>);

pub(super) struct PipelinesDouble {
    server: MockServer,
    player: Player,
}

impl PipelinesDouble {
    pub(super) async fn start() -> Self {
        let state = State { behaviour: Behaviour::Run, calls: vec![], functions: vec![], pipelines: vec![] };
        let player = Player(Arc::new(Mutex::new(state)));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(player.clone()).mount(&server).await;
        Self { server, player }
    }

    pub(super) fn endpoint(&self) -> String {
        self.server.uri()
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        self.player.state().behaviour = behaviour;
    }

    pub(super) fn calls(&self) -> Vec<Value> {
        self.player.state().calls.clone()
    }

    pub(super) fn functions(&self) -> Vec<String> {
        self.player.state().functions.clone()
    }

    /// How many pipelines were started.
    pub(super) fn started(&self) -> usize {
        self.player.state().pipelines.len()
    }

    /// Ends the pipeline with this id.
    pub(super) fn finish(&self, pipeline_id: usize, status: &str) {
        self.player.state().pipelines[pipeline_id - 1].1 = status.to_owned();
    }
}

impl Player {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Respond for Player {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        let mut state = self.state();
        let function = request.url.path().split('/').nth(3).unwrap_or_default().replace("%3A", ":");
        state.functions.push(function);
        state.calls.push(call.clone());
        let execution_id = call["params"]["_meta"]["switchyard/execution_id"].clone();
        if call["params"]["name"] == "get_pipeline_status" {
            let wanted = &call["params"]["arguments"]["execution_id"];
            let place = state.pipelines.iter().position(|(id, _)| id == wanted);
            let content = match place {
                Some(place) => pipeline(place + 1, wanted, &state.pipelines[place].1),
                None => {
                    json!({ "status": "unknown", "found": false, "message": "No pipeline carries this execution id." })
                }
            };
            return answer(&call, false, &content);
        }
        let crash = || {
            ResponseTemplate::new(200).insert_header("X-Amz-Function-Error", "Unhandled").set_body_json(
                json!({ "errorType": "Runtime.ExitError", "errorMessage": "RequestId: x Error: Runtime exited" }),
            )
        };
        match state.behaviour {
            Behaviour::Refuse(reason) => {
                return answer(&call, true, &json!({ "outcome": "not_started", "message": reason }));
            }
            Behaviour::CrashBefore => return crash(),
            _ => state.pipelines.push((execution_id.clone(), "running".to_owned())),
        }
        let good = answer(&call, false, &pipeline(state.pipelines.len(), &execution_id, "running"));
        match state.behaviour {
            Behaviour::RunAndCrash => crash(),
            Behaviour::RunAndHang => good.set_delay(Duration::from_secs(60)),
            _ => good,
        }
    }
}

fn pipeline(id: usize, execution_id: &Value, status: &str) -> Value {
    json!({
        "execution_id": execution_id, "status": status, "web_url": format!("https://gitlab.test/pipelines/{id}"),
        "details": { "pipeline_id": id, "gitlab_status": status }, "message": format!("Pipeline {id} is {status}."),
    })
}

fn answer(call: &Value, is_error: bool, content: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "jsonrpc": "2.0", "id": call["id"],
        "result": {
            "resultType": "complete", "isError": is_error, "structuredContent": content,
            "content": [{ "type": "text", "text": content["message"] }],
        },
    }))
}

/// Waits for something that another task brings about.
pub(super) async fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about in 5 s");
}
