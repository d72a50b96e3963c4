//! What a person sees: plain text, colours and a spinner only where they help.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The terminal of a command: standard output for what was asked for, standard error for what goes on meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    colour: bool,
    live: bool,
}

/// How a piece of text is shown where colours are.
#[derive(Debug, Clone, Copy)]
pub enum Style {
    /// Stands out.
    Bold,
    /// Steps back.
    Dim,
    /// Names something.
    Name,
    /// Something went wrong.
    Bad,
}

impl Terminal {
    /// Finds out what the terminal can do; `NO_COLOR` (<https://no-color.org>) and `TERM=dumb` are respected.
    pub fn detect() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            colour: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            live: io::stderr().is_terminal() && !dumb,
        }
    }

    /// A terminal that shows plain lines only.
    pub const fn plain() -> Self {
        Self { colour: false, live: false }
    }

    /// Text in a style, or as it is.
    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Name => "36",
            Style::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A line of what was asked for. A reader that went away is no reason to fail.
    pub fn say(self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// A line about what goes on.
    pub fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// An error, with what it concerns.
    pub fn fail(self, text: &str) {
        let word = if self.live && self.colour { self.paint(Style::Bad, "error:") } else { "error:".to_owned() };
        let _ = writeln!(io::stderr().lock(), "{word} {text}");
    }

    /// Begins something that takes a while: a spinner on a terminal, nothing elsewhere until it is done.
    pub fn begin(self, what: &str) -> Task {
        let bar = ProgressBar::with_draw_target(
            None,
            if self.live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        if self.live {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Task { terminal: self, bar, what: what.to_owned(), start: Instant::now() }
    }
}

/// Something that takes a while; forgotten without a word when dropped.
#[derive(Debug)]
pub struct Task {
    terminal: Terminal,
    bar: ProgressBar,
    what: String,
    start: Instant,
}

impl Task {
    /// Prints above the spinner.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| self.terminal.say(text));
    }

    /// Shows what it is at now.
    pub fn at(&self, detail: &str) {
        self.bar.set_message(format!("{}: {detail}", self.what));
    }

    /// It is done: leaves one line with the time it took.
    pub fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        let seconds = self.start.elapsed().as_secs_f64();
        let time = self.terminal.paint(Style::Dim, &format!("{seconds:.1} s"));
        let what = if outcome.is_empty() { self.what.clone() } else { format!("{}: {outcome}", self.what) };
        self.terminal.note(&format!("  {what}  {time}"));
    }

    /// Takes the spinner away without a word.
    pub fn clear(self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Text from elsewhere made safe to print: control characters would move the cursor or recolour what follows.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
