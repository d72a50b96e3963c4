//! A pipelines server as a container runs it: HTTP on a port, an environment with the names of its secrets, and
//! credentials from the agent of the container service.
//! Source: Amazon ECS developer guide, "Amazon ECS task IAM role", the path of the credentials.

use std::{net::SocketAddr, process::Stdio};

use axum::{Json, Router, routing::get};
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::json;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    task::JoinHandle,
};

use super::{eventually, runtime_api::program, stack};

/// A running server.
pub(crate) struct Container {
    server: Child,
    credentials: JoinHandle<()>,
}

impl Container {
    /// Starts the server on `address` and waits until its health check finds it alive. `host` is the name it is called by.
    pub(crate) async fn start(address: SocketAddr, host: &str, api_key_secret: &str) -> Self {
        let stack = stack().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let role = format!("http://{}/role", listener.local_addr().unwrap());
        let answer = json!({
            "RoleArn": "arn:aws:iam::000000000000:role/pipelines-task", "AccessKeyId": "test", "SecretAccessKey": "test",
            "Token": "of-the-task", "Expiration": "2036-01-01T00:00:00Z",
        });
        let router = Router::new().route("/role", get(move || async move { Json(answer) }));
        let credentials = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let server = Command::new(program("pipelines"))
            .args(["--http", &address.to_string(), "--allow-host", host])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/container"))
            .env_clear()
            .envs([
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.as_str()),
                ("AWS_REGION", local::stack::REGION),
                ("AWS_ENDPOINT_URL", &stack.aws_url()),
                ("GITLAB_URL", &stack.gitlab_url()),
                ("GITLAB_TOKEN_SECRET", "switchyard/local/gitlab_token"),
                ("API_KEY_SECRET", api_key_secret),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let container = Self { server, credentials };
        eventually("the container to live", || async {
            let check = Command::new(program("pipelines"))
                .args(["--check", &address.to_string()])
                .env_clear()
                .stderr(Stdio::null())
                .status();
            check.await.unwrap().success().then_some(())
        })
        .await;
        container
    }

    /// Ends it as a container service does, and expects that it goes by itself.
    pub(crate) async fn stop(mut self) {
        let pid = i32::try_from(self.server.id().unwrap()).unwrap();
        nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        assert!(self.server.wait().await.unwrap().success());
        self.credentials.abort();
    }
}
