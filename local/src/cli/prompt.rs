//! The prompt: lines with history, read on a thread of their own so that everything else goes on meanwhile.

use std::{io::stdin, path::PathBuf, thread};

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rustyline::{DefaultEditor, error::ReadlineError};
use tokio::sync::{mpsc, oneshot};

type Reply = oneshot::Sender<Result<Option<String>, String>>;

/// A prompt on the terminal.
pub(super) struct Prompt {
    requests: mpsc::UnboundedSender<Reply>,
    /// How the terminal was before lines were edited on it.
    before: Option<Termios>,
}

impl Prompt {
    /// Opens the prompt. The history is kept in the user's data directory; without one it lasts as long as the prompt.
    pub(super) fn open(text: String) -> Result<Self, String> {
        let mut editor = DefaultEditor::new().map_err(|error| format!("the prompt cannot be opened: {error}"))?;
        let history = history_file();
        if let Some(file) = &history
            && file.exists()
        {
            // A history that cannot be read is a convenience lost, not a reason to refuse to chat.
            let _ = editor.load_history(file);
        }
        let before = tcgetattr(stdin()).ok();
        let (requests, mut waiting) = mpsc::unbounded_channel::<Reply>();
        // A detached thread: it must not keep the process alive when the rest of it ends.
        thread::spawn(move || {
            while let Some(reply) = waiting.blocking_recv() {
                let line = read(&mut editor, &text);
                if let Some(file) = &history
                    && matches!(line, Ok(Some(_)))
                {
                    let _ = editor.append_history(file);
                }
                if reply.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { requests, before })
    }

    /// The next line that is not empty; nothing when the person leaves (Ctrl-C, Ctrl-D, `exit`, `quit`).
    pub(super) async fn line(&mut self) -> Result<Option<String>, String> {
        let (reply, line) = oneshot::channel();
        let gone = |_| "the prompt has ended".to_owned();
        self.requests.send(reply).map_err(|_| gone(()))?;
        line.await.map_err(|_| gone(()))?
    }
}

impl Drop for Prompt {
    /// The thread may still wait for a key; what ends meanwhile must not leave the terminal in its state.
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), SetArg::TCSANOW, before);
        }
    }
}

fn read(editor: &mut DefaultEditor, text: &str) -> Result<Option<String>, String> {
    loop {
        match editor.readline(text) {
            Ok(line) => match line.trim() {
                "" => {}
                "exit" | "quit" => return Ok(None),
                line => {
                    let _ = editor.add_history_entry(line);
                    return Ok(Some(line.to_owned()));
                }
            },
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(format!("the prompt cannot be read: {error}")),
        }
    }
}

/// `$XDG_DATA_HOME/switchyard/history`, by default under `~/.local/share`.
fn history_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    let directory = data.join("switchyard");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}
