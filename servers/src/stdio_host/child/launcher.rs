//! The moment between this program and the hosted server.
//!
//! A process that should die with its parent has to ask the kernel for it after the fork, and standard Rust runs nothing there
//! that is safe. So this program starts itself under another name, asks, and becomes the server: the request outlives `exec`.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::process::{CommandExt as _, parent_id},
    path::{Path, PathBuf},
    process::ExitCode,
};

use nix::{
    sys::{prctl, signal::Signal},
    unistd::close,
};
use tokio::process::Command;

/// The name (`argv[0]`) under which this program is the launcher.
const NAME: &str = "stdio_host:launcher";

/// A command that becomes `program` once it has tied its life to this process.
pub(super) fn command(launcher: &Path, program: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(launcher);
    command.arg0(NAME).arg(std::process::id().to_string()).arg(program).args(arguments);
    command
}

/// Becomes the hosted server if this process was started as the launcher; otherwise says nothing. Must be called before anything
/// else is done.
pub fn take_over() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let parent: Option<u32> = arguments.next().and_then(|parent| parent.to_str()?.parse().ok());
    Some(match (arguments.next().map(PathBuf::from), parent) {
        (Some(program), Some(parent)) => become_server(&program, arguments, parent),
        _ => ExitCode::from(EXEC_FAILED),
    })
}

/// What shells say when a program cannot be run.
const EXEC_FAILED: u8 = 126;

#[expect(clippy::print_stderr, reason = "the host reads what its child prints and logs it")]
fn become_server(program: &Path, arguments: impl Iterator<Item = OsString>, parent: u32) -> ExitCode {
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        eprintln!("the server would outlive its host: {error}");
        return ExitCode::from(EXEC_FAILED);
    }
    // The parent may have died before the request was made.
    if parent_id() != parent {
        return ExitCode::from(EXEC_FAILED);
    }
    if let Err(error) = close_inherited() {
        eprintln!("the server would inherit files of its host: {error}");
        return ExitCode::from(EXEC_FAILED);
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("{} cannot be run: {error}", program.display());
    ExitCode::from(EXEC_FAILED)
}

/// Closes everything but standard input, output and error. Lambda opens its log to managed runtimes at such a number.
fn close_inherited() -> io::Result<()> {
    // Read to the end first: the directory has a number of its own, which is closed with it.
    let open: Vec<OsString> =
        fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    let numbers = open.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2) {
        // The directory's own is closed already.
        let _ = close(number);
    }
    Ok(())
}
