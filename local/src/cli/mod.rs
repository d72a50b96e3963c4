//! The command line.

mod chat;
mod local;
mod prompt;
mod registry;
mod servers;
mod target;
#[cfg(test)]
mod tests;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::terminal::Terminal;

/// Runs infrastructure by chat.
#[derive(Debug, Parser)]
#[command(name = "switchyard", version, about = "Runs infrastructure by chat")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends a message to the orchestrator, or opens a prompt.
    Chat(chat::ChatArguments),
    /// Runs the whole of Switchyard on this machine, with no AWS account.
    Local(local::LocalArguments),
    /// Looks after the registered MCP servers: list, register, approve, test and more.
    Servers(Box<servers::ServersArguments>),
    /// Lets other programs use the registry of MCP servers.
    Registry(registry::RegistryArguments),
}

/// Does what the command line says; 0 when it went well, 1 when not, 2 when the command line is wrong.
pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::detect();
    let done = match arguments.command {
        Command::Chat(arguments) => chat::run(arguments, terminal).await,
        Command::Local(arguments) => local::run(arguments, terminal).await,
        Command::Servers(arguments) => servers::run(*arguments, terminal).await,
        Command::Registry(arguments) => registry::run(arguments, terminal).await,
    };
    match done {
        Ok(code) => code,
        Err(message) => {
            terminal.fail(&message);
            ExitCode::FAILURE
        }
    }
}
