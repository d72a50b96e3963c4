//! `switchyard local`

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::chat::Conversation;
use crate::{
    stack::{Hosted, Model, Options, Ports, REGISTRATION_TOKEN, Stack, find_root},
    terminal::{Style, Terminal},
};

/// Options of `switchyard local`.
#[derive(Debug, Args)]
pub(super) struct LocalArguments {
    /// Asks one thing, shows the answer and ends.
    #[arg(long)]
    chat: Option<String>,
    /// First of the three ports in a row that the stack listens on.
    #[arg(long, default_value_t = Ports::DEFAULT, value_parser = clap::value_parser!(u16).range(1..=65_533))]
    port: u16,
    /// A language model for the agents: base address of an OpenAI-compatible API, for example
    /// http://127.0.0.1:11434/v1. Its key is taken from OPENAI_API_KEY.
    #[arg(long, requires = "model_name")]
    model_url: Option<Url>,
    /// Name of that model.
    #[arg(long, requires = "model_url")]
    model_name: Option<String>,
    /// Third-party MCP servers to host as well: ids of servers.yaml, with commas, or all. Their packages come from PyPI and npm.
    #[arg(long)]
    servers: Option<String>,
    /// The repository. Without it: the one that the current directory is in.
    #[arg(long)]
    root: Option<PathBuf>,
}

pub(super) async fn run(arguments: LocalArguments, terminal: Terminal) -> Result<ExitCode, String> {
    let options = options(&arguments)?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| format!("signals cannot be received: {error}"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| format!("signals cannot be received: {error}"))?;
    terminal.note("Starting Switchyard on this machine");
    let mut stack = tokio::select! {
        stack = Stack::start(&options, terminal) => stack.map_err(|error| error.to_string())?,
        _ = interrupt.recv() => return Ok(stopped(terminal)),
        _ = terminate.recv() => return Ok(stopped(terminal)),
    };
    introduce(&stack, &options, terminal);

    let client = stack.chat_client().map_err(|error| error.to_string())?;
    let conversation = Conversation { client, session: None, json: false, terminal };
    let prompt = arguments.chat.is_none() && std::io::stdin().is_terminal();
    let outcome = tokio::select! {
        outcome = talk(conversation, arguments.chat, prompt) => outcome,
        exit = stack.first_exit() => Err(exit.to_string()),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
        // At the prompt Ctrl-C is a key, and while it waits for an answer it only ends the waiting.
        _ = interrupt.recv(), if !prompt => Ok(ExitCode::SUCCESS),
    };
    terminal.note("Stopping");
    stack.stop().await;
    outcome
}

fn options(arguments: &LocalArguments) -> Result<Options, String> {
    let root = match &arguments.root {
        Some(root) => root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?,
        None => {
            let here =
                std::env::current_dir().map_err(|error| format!("cannot tell the current directory: {error}"))?;
            find_root(&here).ok_or("this is no Switchyard repository: no cdk.json here or above; use --root")?
        }
    };
    let model = arguments.model_url.clone().zip(arguments.model_name.clone()).map(|(url, name)| Model { url, name });
    let hosted = arguments.servers.clone().map(|servers| Hosted { file: root.join("servers.yaml"), servers });
    Ok(Options { ports: Ports::from(arguments.port), model, hosted, ..Options::of(root) })
}

fn stopped(terminal: Terminal) -> ExitCode {
    terminal.note("Stopped");
    ExitCode::from(130)
}

fn introduce(stack: &Stack, options: &Options, terminal: Terminal) {
    let logs = options.work.join("logs");
    for (what, value) in [
        ("chat API", stack.api_url().to_string()),
        ("registry API", stack.registry_url().to_string()),
        ("AWS endpoint", stack.aws_url()),
        ("GitLab", stack.gitlab_url()),
        ("registration token", options.work.join(REGISTRATION_TOKEN).display().to_string()),
        ("logs", logs.display().to_string()),
    ] {
        terminal.note(&format!("  {what:<18}  {value}"));
    }
    match &options.model {
        Some(model) => terminal.note(&format!("  {:<18}  {} at {}", "model", model.name, model.url)),
        None => terminal.note(
            "The agents are driven by a planner made of rules, which works offline and is not a language model. For a real \
             one:\n  ./switchyard local --model-url http://127.0.0.1:11434/v1 --model-name NAME",
        ),
    }
}

async fn talk(mut conversation: Conversation, message: Option<String>, prompt: bool) -> Result<ExitCode, String> {
    let terminal = conversation.terminal;
    if let Some(message) = message {
        terminal.say(&format!("{} {message}", terminal.paint(Style::Bold, "you>")));
        let answered = conversation.say(&message).await;
        return Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if prompt {
        terminal.note("Try: Deploy bootstrap infrastructure for dev environment   (Ctrl-D stops everything)");
        conversation.prompt().await?;
        return Ok(ExitCode::SUCCESS);
    }
    terminal.note("Running. Talk to it with `./switchyard chat`; Ctrl-C stops it.");
    std::future::pending().await
}
