//! One process of a function for very many events: its memory has to stay what it was.

use serde::Serialize;
use tests::runtime_api::Environment;

use crate::{
    Result,
    functions::{alone, check, event},
    machine::resident,
    programs::Programs,
    rehearsal::Case,
    statistics::megabytes,
};

/// Growth that counts as none: pages that an allocator takes when it comes to a larger event by chance.
const NOTHING_MB: f64 = 0.5;

/// Memory of a function over many events.
#[derive(Debug, Clone, Serialize)]
pub struct Soak {
    /// The function.
    pub function: &'static str,
    /// What it does.
    pub event: &'static str,
    /// How many events it served.
    pub calls: usize,
    /// Resident memory in MB: after the first hundredth of the events, and after each quarter of them.
    pub rss_mb: Vec<f64>,
    /// Whether it grew no more after the first quarter.
    pub flat: bool,
}

/// Has a function serve an event this many times.
///
/// # Errors
/// An answer is not the right one.
pub async fn soak(programs: &Programs, case: &Case, calls: usize) -> Result<Soak> {
    let (function, replay) = alone(programs, case).await?;
    let mut environment = Environment::start(&function).await?;
    let quarter = (calls / 4).max(1);
    let looks = [(calls / 100).max(1), quarter, quarter * 2, quarter * 3, quarter * 4];
    let (mut served, mut memory) = (0, Vec::new());
    for look in looks {
        while served < look {
            check(case, &environment.invoke(event(case, &replay), None).await?)?;
            served += 1;
        }
        memory.push(resident(environment.pid())?);
    }
    replay.complete()?;
    let rss_mb: Vec<f64> = memory.into_iter().map(megabytes).collect();
    let growth = rss_mb.last().zip(rss_mb.get(1)).map_or(0.0, |(last, first)| last - first);
    Ok(Soak { function: case.function, event: case.title, calls: served, rss_mb, flat: growth < NOTHING_MB })
}
