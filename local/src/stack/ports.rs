//! Where the parts of the stack listen.

use std::{io::ErrorKind, net::TcpListener};

use super::StackError;

/// Ports on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ports {
    /// MiniStack.
    pub ministack: u16,
    /// The agent runtime.
    pub agent_runtime: u16,
    /// The GitLab stand-in.
    pub gitlab: u16,
}

impl Ports {
    /// The first port when nobody asks for another one.
    pub const DEFAULT: u16 = 4566;

    /// Three ports in a row.
    pub const fn from(first: u16) -> Self {
        Self { ministack: first, agent_runtime: first.saturating_add(1), gitlab: first.saturating_add(2) }
    }

    /// Ports that nobody uses at this moment.
    ///
    /// # Errors
    /// When the machine gives none away.
    pub fn free() -> Result<Self, StackError> {
        let bind =
            || TcpListener::bind(("127.0.0.1", 0)).map_err(|error| StackError::new(format!("no free port: {error}")));
        // All three are held until the last is known, so that they differ.
        let held = [bind()?, bind()?, bind()?];
        let port = |index: usize| held[index].local_addr().map(|address| address.port());
        match (port(0), port(1), port(2)) {
            (Ok(ministack), Ok(agent_runtime), Ok(gitlab)) => Ok(Self { ministack, agent_runtime, gitlab }),
            _ => Err(StackError::new("no free port: a listening socket has no address")),
        }
    }

    /// Fails when one of the ports is in use.
    pub(super) fn check_free(self) -> Result<(), StackError> {
        let parts = [
            (self.ministack, "MiniStack"),
            (self.agent_runtime, "the agent runtime"),
            (self.gitlab, "the GitLab stand-in"),
        ];
        for (port, part) in parts {
            match TcpListener::bind(("127.0.0.1", port)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    return Err(StackError::new(format!(
                        "port {port}, where {part} listens, is taken by another program: stop that program, or choose \
                         other ports with `make local PORT=14566`"
                    )));
                }
                Err(error) => return Err(StackError::new(format!("port {port} for {part} cannot be used: {error}"))),
            }
        }
        Ok(())
    }

    /// `http://127.0.0.1:{port}` of MiniStack.
    pub fn ministack_url(self) -> String {
        url(self.ministack)
    }

    /// `http://127.0.0.1:{port}` of the agent runtime.
    pub fn agent_runtime_url(self) -> String {
        url(self.agent_runtime)
    }

    /// `http://127.0.0.1:{port}` of the GitLab stand-in.
    pub fn gitlab_url(self) -> String {
        url(self.gitlab)
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_part() {
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let ports = Ports { gitlab: port, ..Ports::free().unwrap() };
        let error = ports.check_free().unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("GitLab stand-in"), "{error}");
        drop(held);
        assert_eq!(ports.check_free(), Ok(()));
    }
}
