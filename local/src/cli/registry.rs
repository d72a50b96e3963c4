//! `switchyard registry`

use std::process::ExitCode;

use axum::http::HeaderValue;
use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::target::RegistryTarget;
use crate::{registry_client::RegistryClient, registry_serve, terminal::Terminal};

/// Options of `switchyard registry`.
#[derive(Debug, Args)]
pub(super) struct RegistryArguments {
    #[command(flatten)]
    target: RegistryTarget,
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    /// Lets an editor on this machine browse the registry: the official registry API on 127.0.0.1, read only.
    Serve(ServeArguments),
}

#[derive(Debug, Args)]
struct ServeArguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4580)]
    port: u16,
    /// A page of the web that may read the registry, too, for example https://vscode.dev. Can be given more than once.
    #[arg(long, value_parser = origin)]
    allow_origin: Vec<HeaderValue>,
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    if url.origin().ascii_serialization() != text {
        return Err("an origin is scheme, host and port only, such as https://vscode.dev".to_owned());
    }
    HeaderValue::from_str(text).map_err(|error| error.to_string())
}

pub(super) async fn run(arguments: RegistryArguments, terminal: Terminal) -> Result<ExitCode, String> {
    let client = arguments.target.client().await?;
    match arguments.command {
        RegistryCommand::Serve(arguments) => serve(client, arguments, terminal).await,
    }
}

async fn serve(client: RegistryClient, arguments: ServeArguments, terminal: Terminal) -> Result<ExitCode, String> {
    // What is wrong with address or credentials is told here, not first in an editor that shows an empty list.
    client.get(&["v0.1", "servers"], &[("limit", "1")]).await.map_err(|error| error.to_string())?;
    let port = arguments.port;
    let taken = |error| format!("port {port} of 127.0.0.1 cannot be used: {error}; choose another with --port");
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    terminal.note(&format!(
        "The registry of {}\nis served on http://{address} until Ctrl-C. For VS Code, in its settings.json:\n",
        client.url()
    ));
    terminal
        .say(&format!("\"chat.mcp.gallery.enabled\": true,\n\"chat.mcp.gallery.serviceUrl\": \"http://{address}\""));
    let mut origins = arguments.allow_origin;
    origins.push(HeaderValue::from_static(registry_serve::EDITOR));
    let stopped = async {
        // Without a way to hear of Ctrl-C the signal ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let router = registry_serve::app(client, address, origins, terminal);
    tokio::select! {
        served = axum::serve(listener, router) => served.map_err(|error| format!("{address}: {error}"))?,
        () = stopped => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for good in ["https://vscode.dev", "http://localhost:3000"] {
            assert_eq!(origin(good).unwrap(), good);
        }
        for bad in ["https://vscode.dev/", "https://vscode.dev/x", "vscode.dev", "*", "null", "file:///x"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
