//! `switchyard chat`

use std::{
    io::{BufRead, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::{prompt::Prompt, target::Target, view};
use crate::{
    chat_client::{Answer, ChatClient, ChatError, Progress},
    terminal::{Style, Terminal},
};

/// Options of `switchyard chat`.
#[derive(Debug, Args)]
pub(super) struct ChatArguments {
    #[command(flatten)]
    target: Target,
    /// Continues a conversation, named by the session id of an earlier answer.
    #[arg(long)]
    session: Option<String>,
    /// Prints the answer as JSON.
    #[arg(long)]
    json: bool,
    /// What to ask. Without it a prompt opens, or each line of standard input is asked in turn.
    message: Option<String>,
}

pub(super) async fn run(arguments: ChatArguments, terminal: Terminal) -> Result<ExitCode, String> {
    let client = arguments.target.client().await?;
    let mut conversation = Conversation { client, session: arguments.session, json: arguments.json, terminal };
    match arguments.message {
        Some(message) => Ok(code(conversation.say(&message).await)),
        None if std::io::stdin().is_terminal() => {
            conversation.prompt().await?;
            Ok(ExitCode::SUCCESS)
        }
        None => conversation.every_line().await,
    }
}

fn code(answered: bool) -> ExitCode {
    if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One conversation with the orchestrator, shown on a terminal.
pub(super) struct Conversation {
    pub(super) client: ChatClient,
    pub(super) session: Option<String>,
    pub(super) json: bool,
    pub(super) terminal: Terminal,
}

impl Conversation {
    /// Asks one thing and shows steps, reply or error; true when there is an answer.
    pub(super) async fn say(&mut self, message: &str) -> bool {
        match self.ask(message).await {
            Ok(answer) => {
                self.session = Some(answer.session_id);
                true
            }
            Err(error) => {
                match (self.json, &error) {
                    (true, ChatError::Refused(problem)) => self.terminal.say(&json!(problem).to_string()),
                    _ => self.terminal.fail(&crate::terminal::printable(&error.to_string())),
                }
                false
            }
        }
    }

    async fn ask(&self, message: &str) -> Result<Answer, ChatError> {
        let terminal = self.terminal;
        let task = terminal.begin("thinking");
        let mut text = String::new();
        let answer = self
            .client
            .ask(message, self.session.as_deref(), |progress| match progress {
                Progress::Step(step) if !self.json => task.say(&view::step(terminal, step)),
                Progress::Step(_) => {}
                Progress::Text(piece) => text.push_str(piece),
            })
            .await;
        task.clear();
        let answer = answer?;
        if self.json {
            terminal.say(&json!(answer).to_string());
        } else {
            terminal.say(&view::reply(&answer.reply));
        }
        Ok(answer)
    }

    /// Asks what a person types until they leave.
    pub(super) async fn prompt(&mut self) -> Result<(), String> {
        let mut prompt = Prompt::open(self.terminal.paint(Style::Bold, "you> "))?;
        while let Some(line) = prompt.line().await? {
            tokio::select! {
                _ = self.say(&line) => {}
                _ = tokio::signal::ctrl_c() => self.terminal.note(
                    "Stopped waiting. What was started goes on; ask for the deployment history to see it.",
                ),
            }
        }
        Ok(())
    }

    /// Asks each line of standard input; fails when one had no answer.
    async fn every_line(&mut self) -> Result<ExitCode, String> {
        let mut all = true;
        let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().collect();
        let lines = lines.map_err(|error| format!("standard input cannot be read: {error}"))?;
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            return Err("nothing to ask: give a message, or lines on standard input".to_owned());
        }
        for line in lines {
            all &= self.say(line).await;
        }
        Ok(code(all))
    }
}
