//! `switchyard servers`

mod act;
mod list;
mod reference;
mod register;
mod table;
#[cfg(test)]
mod tests;
mod view;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use handlers::registry::Status;
use serde_json::Value;

use self::reference::Reference;
use super::target::RegistryTarget;
use crate::{
    api::ApiError,
    terminal::{Terminal, printable},
};

/// Options of `switchyard servers`.
#[derive(Debug, Args)]
pub(super) struct ServersArguments {
    #[command(flatten)]
    target: RegistryTarget,
    /// Prints the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: ServersCommand,
}

#[derive(Debug, Subcommand)]
enum ServersCommand {
    /// Lists the registered servers, one line for each version.
    List(list::ListArguments),
    /// Shows a server with its tools: the version that is called, or the one named.
    Show { server: Reference },
    /// Registers a server, or a new version of one, in your name.
    Register(Box<register::RegisterArguments>),
    /// Lets calls go to a server that waits for approval, or puts a held definition in place of the approved one.
    Approve {
        server: Reference,
        /// Approves only the definition with this hash: the one that you have looked at.
        #[arg(long)]
        hash: Option<String>,
    },
    /// Refuses a server that waits for approval, or a held definition.
    Reject {
        server: Reference,
        /// Why, for whoever registered it.
        #[arg(long)]
        reason: String,
    },
    /// Asks the server what it is and which tools it has, and tells what differs from the registry.
    Test { server: Reference },
    /// Reads the tools of a server again; what differs waits for approval.
    Refresh { server: Reference },
    /// Takes a server out of service for good.
    Rm {
        server: Reference,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Changes the status of a server: active, inactive, maintenance.
    Status {
        server: Reference,
        #[arg(value_parser = status)]
        status: Status,
    },
    /// Shows the definition of a server that waits for approval beside the approved one.
    Held { server: Reference },
    /// Shows who changed what, the latest first.
    Audit {
        server: Reference,
        /// Most changes to show.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

fn status(text: &str) -> Result<Status, String> {
    let all: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
    Status::parse(text).ok_or_else(|| format!("one of {}", all.join(", ")))
}

/// Why a command did not succeed.
enum Failure {
    /// There was no answer, or nothing was asked.
    Told(String),
    /// The registry refused.
    Api(ApiError),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Told(message)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

pub(super) async fn run(arguments: ServersArguments, terminal: Terminal) -> Result<ExitCode, String> {
    let ServersArguments { target, json, command } = arguments;
    let cli = Cli { client: target.client().await?, json, terminal };
    match cli.run(command).await {
        Ok(code) => Ok(code),
        Err(Failure::Api(ApiError::Refused(problem))) if json => {
            terminal.say(&serde_json::json!(problem).to_string());
            Ok(ExitCode::FAILURE)
        }
        Err(Failure::Api(error)) => Err(printable(&error.to_string())),
        Err(Failure::Told(message)) => Err(printable(&message)),
    }
}

/// How a command talks to the registry and to the person.
struct Cli {
    client: crate::registry_client::RegistryClient,
    json: bool,
    terminal: Terminal,
}

impl Cli {
    async fn run(self, command: ServersCommand) -> Result<ExitCode, Failure> {
        match command {
            ServersCommand::List(arguments) => self.list(arguments).await,
            ServersCommand::Show { server } => self.show(server).await,
            ServersCommand::Register(arguments) => self.register(*arguments).await,
            ServersCommand::Approve { server, hash } => self.approve(server, hash.as_deref()).await,
            ServersCommand::Reject { server, reason } => self.reject(server, &reason).await,
            ServersCommand::Test { server } => self.test(server).await,
            ServersCommand::Refresh { server } => self.refresh(server).await,
            ServersCommand::Rm { server, yes } => self.remove(server, yes).await,
            ServersCommand::Status { server, status } => self.change_status(server, status).await,
            ServersCommand::Held { server } => self.held(server).await,
            ServersCommand::Audit { server, limit } => self.audit(server, limit).await,
        }
    }

    /// The answer as JSON where that was asked for, else what `shown` makes of it.
    fn answer(&self, answer: &Value, shown: impl FnOnce(Terminal, &Value) -> String) {
        let text = if self.json { answer.to_string() } else { shown(self.terminal, answer) };
        self.terminal.say(&text);
    }
}
