//! What was measured, for people (one text of tables) and for programs (JSON), with the aims beside it.

use std::fmt;

use serde::Serialize;

use crate::{
    chats::{Chats, PEOPLE},
    functions::{Start, Warm},
    health::{self, Run},
    history::Cost,
    hosting::Hosting,
    listing::{self, List},
    machine::{self, Machine},
    soak::Soak,
    tools::{self, Lookup},
};

/// Aim for the size of a zip, in MB.
const ZIP_MB: f64 = 4.0;
/// Aim for the time from the start of the process to its first answer, in ms.
const FIRST_ANSWER_MS: f64 = 20.0;
/// Aim for resident memory, in MB.
const RSS_MB: f64 = 15.0;
/// Aim for the median of an event with at most one request to others, in ms.
const P50_MS: f64 = 1.0;
/// Aim for the CPU time that each further request takes, in ms.
const FURTHER_CPU_MS: f64 = 0.6;

/// A function built with other settings.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// Name of the settings: the cargo profile.
    pub setting: String,
    /// Sizes and start.
    pub start: Start,
    /// Its events.
    pub warm: Vec<Warm>,
}

/// All figures.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When it was measured.
    pub at: String,
    /// On what.
    pub machine: Machine,
    /// Load averages before.
    pub load_before: String,
    /// Load averages after.
    pub load_after: String,
    /// What a plain client waits for one of the answers that the functions get, in ms.
    pub downstream_ms: f64,
    /// Sizes and start of each function.
    pub starts: Vec<Start>,
    /// Each event.
    pub warm: Vec<Warm>,
    /// The same for other build settings.
    pub settings: Vec<Setting>,
    /// Questions about short and long histories.
    pub history: Vec<Cost>,
    /// Runs of health checks.
    pub health: Vec<Run>,
    /// Lists of a large registry.
    pub lists: Vec<List>,
    /// Searches and lookups in a large registry.
    pub tools: Vec<Lookup>,
    /// Many people at once.
    pub chats: Option<Chats>,
    /// Hosted stdio servers.
    pub hosting: Option<Hosting>,
    /// Memory over many events.
    pub soak: Vec<Soak>,
}

impl Report {
    /// A report with no figures yet.
    pub fn new(machine: Machine) -> Self {
        Self {
            at: format!("{:.0}", jiff::Timestamp::now()),
            machine,
            load_before: machine::load(),
            load_after: String::new(),
            downstream_ms: 0.0,
            starts: Vec::new(),
            warm: Vec::new(),
            settings: Vec::new(),
            history: Vec::new(),
            health: Vec::new(),
            lists: Vec::new(),
            tools: Vec::new(),
            chats: None,
            hosting: None,
            soak: Vec::new(),
        }
    }

    /// CPU time of each request to others beyond the first, in ms: over the event of the same function with at most one, or,
    /// where there is none, over the function that does nothing.
    pub fn further_cpu(&self, warm: &Warm) -> Option<f64> {
        let fewer = self.warm.iter().filter(|other| other.function == warm.function && other.downstream <= 1.0);
        let base = fewer.max_by(|a, b| a.downstream.total_cmp(&b.downstream)).or(self.warm.first())?;
        (warm.downstream > 1.0).then(|| (warm.cpu_ms - base.cpu_ms) / (warm.downstream - base.downstream))
    }
}

/// A figure and whether its aim is met.
pub(crate) fn aimed(figure: String, met: bool) -> String {
    if met { figure } else { format!("{figure} !") }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, memory_gb, kernel, compiler } = &self.machine;
        writeln!(f, "{} · {processor}, {cores} cores, {memory_gb} GB, Linux {kernel} · {compiler}", self.at)?;
        writeln!(
            f,
            "load average {} before, {} after; `!` marks an aim that is missed",
            self.load_before, self.load_after
        )?;
        self.write_starts(f)?;
        self.write_warm(f)?;
        self.write_settings(f)?;
        self.write_soak(f)?;
        self.write_history(f)?;
        self.write_health(f)?;
        self.write_lists(f)?;
        self.write_tools(f)?;
        self.write_chats(f)?;
        self.hosting.iter().try_for_each(|hosting| hosting.fmt(f))
    }
}

impl Report {
    fn write_starts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!(
            "Size and start. Aims: zip < {ZIP_MB} MB, first answer < {FIRST_ANSWER_MS} ms, memory < {RSS_MB} MB"
        );
        let rows = self.starts.iter().map(|it| start_row(it.function.to_owned(), it)).collect();
        table(
            f,
            &title,
            &["function", "zip MB", "program MB", "ready ms", "first answer ms", "slowest ms", "memory MB"],
            rows,
        )
    }

    fn write_warm(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!(
            "Warm. Aims: p50 < {P50_MS} ms with at most one request to others, own CPU <= {FURTHER_CPU_MS} ms for each \
             further one, memory < {RSS_MB} MB. A plain client waits {:.3} ms for an answer that a function gets",
            self.downstream_ms
        );
        let rows = self.warm.iter().map(|it| self.warm_row(it)).collect();
        let head = ["function", "event", "requests", "p50 ms", "p99 ms", "CPU ms", "CPU ms/further", "memory MB"];
        table(f, &title, &head, rows)
    }

    fn warm_row(&self, warm: &Warm) -> Vec<String> {
        let further = self.further_cpu(warm);
        vec![
            warm.function.to_owned(),
            warm.event.to_owned(),
            format!("{}", warm.downstream),
            aimed(format!("{:.2}", warm.p50_ms), warm.downstream > 1.0 || warm.p50_ms < P50_MS),
            format!("{:.2}", warm.p99_ms),
            format!("{:.2}", warm.cpu_ms),
            further.map_or("-".to_owned(), |cpu| aimed(format!("{cpu:.2}"), cpu <= FURTHER_CPU_MS)),
            aimed(format!("{:.1}", warm.rss_mb), warm.rss_mb < RSS_MB),
        ]
    }

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.settings.is_empty() {
            return Ok(());
        }
        let rows = self.settings.iter().map(|it| start_row(format!("{} {}", it.setting, it.start.function), &it.start));
        let head = ["setting", "zip MB", "program MB", "ready ms", "first answer ms", "slowest ms", "memory MB"];
        table(f, "Build settings: size and start", &head, rows.collect())?;
        let rows = self.settings.iter().flat_map(|it| {
            it.warm.iter().map(|warm| {
                let mut row = vec![it.setting.clone(), format!("{} {}", warm.function, warm.event)];
                row.extend([warm.p50_ms, warm.p99_ms, warm.cpu_ms].map(|figure| format!("{figure:.2}")));
                row.push(format!("{:.1}", warm.rss_mb));
                row
            })
        });
        table(
            f,
            "Build settings: warm",
            &["setting", "event", "p50 ms", "p99 ms", "CPU ms", "memory MB"],
            rows.collect(),
        )
    }

    fn write_soak(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.soak.iter().map(|it| {
            let mut row = vec![it.function.to_owned(), it.event.to_owned(), it.calls.to_string()];
            row.extend(it.rss_mb.iter().map(|figure| format!("{figure:.2}")));
            row.push(if it.flat { "yes".to_owned() } else { "no !".to_owned() });
            row
        });
        let head = ["function", "event", "calls", "1 % MB", "25 %", "50 %", "75 %", "100 %", "flat"];
        table(f, "Memory over many calls. Aim: flat from the first quarter on", &head, rows.collect())
    }

    fn write_history(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = self.history.first().map(|it| it.records);
        let questions = self.history.iter().filter(|it| Some(it.records) == shortest).map(|it| it.question);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for question in questions {
            for it in self.history.iter().filter(|it| it.question == question) {
                let mut row = vec![question.to_owned(), it.records.to_string(), it.deployments.to_string()];
                row.extend([it.read_records.to_string(), it.read_units.to_string(), format!("{:.2}", it.p50_ms)]);
                rows.push(row);
            }
        }
        let head = ["question", "records", "answered", "read", "read units", "p50 ms"];
        table(f, "Deployment history. Aim: the newest ten cost the same however long it is", &head, rows)
    }

    fn write_health(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = health::LIMIT.as_secs_f64();
        let rows = self.health.iter().map(|it| {
            let seconds = aimed(format!("{:.2}", it.seconds), it.seconds < limit);
            let mut row = vec![it.what.to_owned(), it.checked.to_string(), it.failed.to_string(), seconds];
            row.extend([format!("{:.2}", it.cpu_seconds), format!("{:.1}", it.rss_mb)]);
            row
        });
        let title = format!("Health checks, one run. Aim: < {limit} s");
        table(f, &title, &["run", "checked", "failed", "seconds", "CPU s", "memory MB"], rows.collect())
    }

    fn write_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.lists.iter().map(|it| {
            let mut row = vec![it.what.to_owned(), it.listed.to_string(), it.pages.to_string()];
            row.extend([it.first_ms, it.last_ms, it.slowest_ms].map(|figure| format!("{figure:.2}")));
            row.extend([format!("{:.2}", it.seconds), aimed(format!("{:.1}", it.rss_mb), it.rss_mb < RSS_MB)]);
            row
        });
        let title =
            format!("Lists of a registry of {} servers. Aim: the last pages cost what the first do", listing::SERVERS);
        let head =
            ["list", "servers", "pages", "first ten p50 ms", "last ten p50 ms", "slowest ms", "seconds", "memory MB"];
        table(f, &title, &head, rows.collect())
    }

    fn write_tools(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.tools.iter().map(|it| {
            let p50 = aimed(format!("{:.2}", it.p50_ms), it.p50_ms < tools::SEARCH_MS);
            let mut row = vec![it.what.to_owned(), format!("{:.1}", it.first_ms), p50];
            row.extend([format!("{:.2}", it.p99_ms), format!("{:.1}", it.rss_mb)]);
            row
        });
        let title = format!("mcp_proxy beside 5000 tools of 250 servers. Aim: p50 < {} ms", tools::SEARCH_MS);
        table(f, &title, &["call", "first ms", "p50 ms", "p99 ms", "memory MB"], rows.collect())
    }

    fn write_chats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(chats) = &self.chats else { return Ok(()) };
        let rows = chats.rounds.iter().enumerate().map(|(number, it)| {
            let mut row = vec![(number + 1).to_string(), format!("{} of {PEOPLE}", it.answered)];
            row.extend([it.p50_ms, it.p99_ms, it.slowest_ms].map(|figure| format!("{figure:.0}")));
            row.push(format!("{:.2}", it.seconds));
            row
        });
        let title = format!("{PEOPLE} people at once, agents and all, on this machine. Aim: no error");
        table(f, &title, &["round", "right answers", "p50 ms", "p99 ms", "slowest ms", "seconds"], rows.collect())?;
        let started: Vec<String> =
            chats.environments.iter().map(|(function, count)| format!("{count} of {function}")).collect();
        writeln!(f, "\nProcesses started: {}. Pipelines in GitLab: {}.", started.join(", "), chats.pipelines)
    }
}

fn start_row(name: String, it: &Start) -> Vec<String> {
    vec![
        name,
        aimed(format!("{:.2}", it.zip_mb), it.zip_mb < ZIP_MB),
        format!("{:.2}", it.program_mb),
        format!("{:.1}", it.ready_ms),
        aimed(format!("{:.1}", it.first_answer_ms), it.first_answer_ms < FIRST_ANSWER_MS),
        format!("{:.1}", it.slowest_first_answer_ms),
        aimed(format!("{:.1}", it.first_rss_mb), it.first_rss_mb < RSS_MB),
    ]
}

/// A table in Markdown, which also reads well as it is.
pub(crate) fn table(f: &mut fmt::Formatter<'_>, title: &str, head: &[&str], rows: Vec<Vec<String>>) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str).chain(head.get(column).copied());
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    writeln!(f, "\n{title}.\n")?;
    let line = |f: &mut fmt::Formatter<'_>, cells: &[&str]| {
        for (cell, width) in cells.iter().zip(&widths) {
            write!(f, "| {cell:width$} ")?;
        }
        writeln!(f, "|")
    };
    line(f, head)?;
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(f, &dashes.iter().map(String::as_str).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| line(f, &row.iter().map(String::as_str).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warm(function: &'static str, downstream: f64, cpu_ms: f64) -> Warm {
        Warm { function, event: "e", downstream, p50_ms: 0.9, p99_ms: 2.0, cpu_ms, rss_mb: 9.0 }
    }

    fn report() -> Report {
        let mut report = Report::new(Machine::this("a compiler".to_owned()));
        report.warm = vec![warm("(none)", 0.0, 0.1), warm("a", 1.0, 0.5), warm("a", 4.0, 2.0), warm("b", 2.0, 1.5)];
        report
    }

    #[test]
    fn a_further_request_is_counted_from_the_first_or_from_nothing() {
        let report = report();
        let further: Vec<_> = report.warm.iter().map(|warm| report.further_cpu(warm)).collect();
        assert_eq!(further, [None, None, Some(0.5), Some(0.7)]);
    }

    #[test]
    fn missed_aims_are_marked_and_met_ones_are_not() {
        let text = report().to_string();
        assert!(text.contains("| 0.70 !") && text.contains("| 0.50 ") && !text.contains("0.50 !"), "{text}");
        assert!(!text.contains("0.90 !"), "{text}");
    }
}
