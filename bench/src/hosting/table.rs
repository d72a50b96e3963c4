//! The figures for people, with the aims beside them.

use std::fmt;

use super::Hosting;
use crate::report::{aimed, table};

/// Aim for what the host adds to a call, in ms.
const ADDED_MS: f64 = 1.0;
/// Aim for how much longer a call takes in the peer.
const FASTER: f64 = 100.0;
/// The aim is for servers that take at least this long to start, in ms: those that people use do. It is what the peer pays each time.
const SLOW_START_MS: f64 = 100.0;
/// Aim for what the host adds to a start, in ms.
const ADDED_START_MS: f64 = 20.0;
/// Aim for the memory of the host, in MB.
const RSS_MB: f64 = 10.0;
/// Aim for the zip of the host, in MB.
const ZIP_MB: f64 = 4.0;

impl fmt::Display for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "-".to_owned();
        let rows = self.servers.iter().map(|it| {
            let faster = it
                .faster()
                .map(|faster| aimed(format!("{faster:.0}"), faster >= FASTER || it.own_start_ms < SLOW_START_MS));
            vec![
                it.server.clone(),
                format!("{:.3}", it.own_p50_ms),
                format!("{:.3}", it.hosted_p50_ms),
                aimed(format!("{:.3}", it.added_ms()), it.added_ms() <= ADDED_MS),
                format!("{:.2}", it.own_p99_ms),
                format!("{:.2}", it.hosted_p99_ms),
                it.peer_p50_ms.map_or_else(dash, |peer| format!("{peer:.0}")),
                faster.unwrap_or_else(dash),
            ]
        });
        let title = format!("Calls of hosted servers. Aims: added <= {ADDED_MS} ms, peer / hosted >= {FASTER}");
        let head =
            ["server", "own p50 ms", "hosted p50", "added", "own p99", "hosted p99", "peer p50", "peer / hosted"];
        table(f, &title, &head, rows.collect())?;
        let rows = self.servers.iter().map(|it| {
            vec![
                it.server.clone(),
                format!("{:.1}", it.own_start_ms),
                format!("{:.1}", it.hosted_start_ms),
                aimed(format!("{:.1}", it.added_start_ms()), it.added_start_ms() < ADDED_START_MS),
                aimed(format!("{:.2}", it.rss_mb), it.rss_mb < RSS_MB),
            ]
        });
        let title = format!(
            "Start of hosted servers to their first result, and the host alone. Aims: added < {ADDED_START_MS} ms, memory < {RSS_MB} MB"
        );
        table(f, &title, &["server", "own ms", "hosted ms", "added", "host's memory MB"], rows.collect())?;
        let zip = aimed(format!("{:.2} MB", self.zip_mb), self.zip_mb < ZIP_MB);
        writeln!(f, "\nZip of the host: {zip} (aim: < {ZIP_MB}).")?;
        let it = &self.kills;
        let right = it.mixed == 0 && it.hung == 0;
        let sum = it.answered + it.told + it.mixed + it.hung;
        writeln!(
            f,
            "{sum} calls while {} servers were killed at random: {} answered, {} told why not, {}; the slowest took {:.0} ms.",
            it.killed,
            it.answered,
            it.told,
            aimed(format!("{} with another's answer, {} without any", it.mixed, it.hung), right),
            it.slowest_ms
        )?;
        self.left_out.iter().try_for_each(|sentence| writeln!(f, "Left out: {sentence}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::{Figures, Kills};

    fn hosting(hosted_p50_ms: f64, peer_p50_ms: Option<f64>, kills: Kills) -> Hosting {
        let server = Figures {
            server: "s".to_owned(),
            own_start_ms: 100.0,
            hosted_start_ms: 110.0,
            own_p50_ms: 1.0,
            own_p99_ms: 2.0,
            hosted_p50_ms,
            hosted_p99_ms: 3.0,
            peer_p50_ms,
            rss_mb: 5.0,
        };
        Hosting { zip_mb: 3.0, servers: vec![server], kills, left_out: vec!["a: because".to_owned()] }
    }

    #[test]
    fn aims_that_are_missed_are_marked_and_what_was_left_out_is_said() {
        let good = Kills { killed: 9, answered: 990, told: 10, ..Kills::default() };
        let text = hosting(1.5, Some(700.0), good.clone()).to_string();
        assert!(!text.contains('!') && text.contains("| 467 ") && text.contains("Left out: a: because."), "{text}");
        let text = hosting(2.5, Some(100.0), Kills { mixed: 1, ..good }).to_string();
        assert!(text.contains("1.500 !") && text.contains("| 40 !") && text.contains("without any !"), "{text}");
        assert!(hosting(1.5, None, Kills::default()).to_string().contains("| - "));
    }
}
