//! The command line, and the order in which things are measured.

use std::{fmt::Display, fs, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Parser;
use serde::Serialize;

use crate::{
    Result, chats,
    functions::{self, Warm},
    health, history, hosting, listing,
    machine::{self, Machine},
    programs::{FUNCTIONS, Programs},
    rehearsal::{Case, rehearse, usual},
    replay::Replay,
    report::{Report, Setting},
    soak::{self, Soak},
    statistics::milliseconds,
    tools,
};

/// Programs that are compared between build settings: the largest, and the one that a person waits for.
const COMPARED: [&str; 2] = ["chat_handler", "mcp_proxy"];

/// Measures the Lambda functions as they are deployed.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// Folder with {function}/bootstrap.zip, and beside each its content in unpacked/.
    #[arg(long, default_value = "build/bench/release")]
    zips: PathBuf,
    /// The same, built with other settings: NAME=FOLDER.
    #[arg(long, value_name = "NAME=FOLDER")]
    setting: Vec<String>,
    /// What the programs were built with, for the report.
    #[arg(long, default_value = "unknown")]
    compiler: String,
    /// How often each function is started.
    #[arg(long, default_value_t = 25)]
    starts: usize,
    /// How often each event is served.
    #[arg(long, default_value_t = 3000)]
    calls: usize,
    /// How many events the memory soak has.
    #[arg(long, default_value_t = 100_000)]
    soak: usize,
    /// How many records the long history has.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
    /// How many rounds of chats there are.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only the hosted servers, and nothing else.
    #[arg(long)]
    hosting: bool,
    /// File for the figures.
    #[arg(long, default_value = "build/bench.json")]
    json: PathBuf,
}

/// Measures everything, prints the tables and writes the figures.
///
/// # Errors
/// Something could not be measured: a measurement of wrong answers is none.
pub async fn run() -> Result<()> {
    let options = Options::parse();
    let programs = Programs::of(&options.zips)?;
    if options.hosting {
        say("hosting servers");
        let hosting = hosting::measure(&programs, options.starts, options.calls).await?;
        return write_down(&options, &hosting);
    }
    say("rehearsing");
    let cases = rehearse(&programs).await?;
    let mut report = Report::new(Machine::this(options.compiler.clone()));

    for function in FUNCTIONS {
        say(&format!("starting {function}"));
        report.starts.push(functions::start(&programs, usual(&cases, function)?, options.starts).await?);
    }
    say("calling a function that does nothing");
    let replay = Replay::start(usual(&cases, "pipelines")?.answers.clone()).await?;
    report.downstream_ms = milliseconds(replay.latency(options.calls).await?);
    report.warm.push(functions::nothing(options.calls).await?);
    for case in &cases {
        say(&format!("calling {}: {}", case.function, case.title));
        // Each of these takes a twentieth of a second: fewer say as much.
        let calls = if case.prompt { options.calls } else { options.calls.div_ceil(20) };
        report.warm.push(functions::warm(&programs, case, calls).await?);
    }
    for setting in &options.setting {
        let (name, folder) = setting.split_once('=').ok_or("--setting takes NAME=FOLDER")?;
        report.settings.extend(compare(name, &Programs::of(folder.as_ref())?, &cases, &options).await?);
    }
    say("asking short and long histories");
    report.history = history::measure(&programs, &[10, 10_000.min(options.records), options.records]).await?;
    say("checking the health of many servers");
    report.health = health::measure(&programs).await?;
    say("listing a large registry page by page");
    report.lists = listing::measure(&programs).await?;
    say("finding tools in a large registry");
    report.tools = tools::measure(&programs).await?;
    say("chatting");
    report.chats = Some(chats::measure(&programs, options.rounds).await?);
    say("hosting servers");
    report.hosting = Some(hosting::measure(&programs, options.starts, options.calls).await?);
    say("calling for long");
    report.soak = soak_all(&programs, &cases, options.soak).await?;
    report.load_after = machine::load();

    write_down(&options, &report)
}

/// Writes the figures for programs into the file, and for people to the output.
fn write_down(options: &Options, figures: &(impl Serialize + Display)) -> Result<()> {
    if let Some(folder) = options.json.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&options.json, serde_json::to_string_pretty(figures)?)?;
    let mut out = std::io::stdout();
    writeln!(out, "{figures}\nThe figures are in {}.", options.json.display())?;
    Ok(())
}

/// How the process ends.
pub fn exit(ended: Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The last thing this process says; nothing is left to do when that fails too.
            let _ = writeln!(std::io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is being done, for the person who waits.
fn say(what: &str) {
    // Nobody is there to read it: no reason to stop.
    let _ = writeln!(std::io::stderr(), "bench: {what}");
}

/// The same figures for programs built in another way.
async fn compare(name: &str, programs: &Programs, cases: &[Case], options: &Options) -> Result<Vec<Setting>> {
    let mut settings = Vec::new();
    for function in COMPARED {
        say(&format!("{name}: {function}"));
        let start = functions::start(programs, usual(cases, function)?, options.starts).await?;
        let mut warm: Vec<Warm> = Vec::new();
        for case in cases.iter().filter(|case| case.function == function && case.prompt) {
            warm.push(functions::warm(programs, case, options.calls).await?);
        }
        settings.push(Setting { setting: name.to_owned(), start, warm });
    }
    Ok(settings)
}

/// All functions at once: their memory does not depend on what else runs.
async fn soak_all(programs: &Programs, cases: &[Case], calls: usize) -> Result<Vec<Soak>> {
    let mut running = Vec::new();
    for function in FUNCTIONS {
        let (programs, case) = (programs.clone(), usual(cases, function)?.clone());
        // They are called seldom, and have the most to do.
        let calls = if ["registration", "health_checker"].contains(&function) { calls / 10 } else { calls };
        running.push(tokio::spawn(async move { soak::soak(&programs, &case, calls).await }));
    }
    let mut soaks = Vec::new();
    for soak in running {
        soaks.push(soak.await??);
    }
    Ok(soaks)
}
