//! What the kernel knows: processes, and the machine itself.

use std::{fs, time::Duration};

use serde::Serialize;

use crate::Result;

/// The kernel counts CPU time for programs in ticks of this length (`USER_HZ` is 100 on every architecture Lambda has).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process and its threads so far, its own code and the kernel's on its behalf.
///
/// # Errors
/// There is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<u32> { Ok(fields.get(index).ok_or("/proc/PID/stat is short")?.parse()?) };
    Ok(TICK * (ticks(11)? + ticks(12)?))
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// There is no such process.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the process has no memory")?;
    let kilobytes: u64 = line.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(kilobytes * 1024)
}

/// The load averages of the last 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// What the figures were measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// How many cores there are.
    pub cores: usize,
    /// Memory in GB.
    pub memory_gb: u64,
    /// Version of the kernel.
    pub kernel: String,
    /// Version of the Rust compiler, and what links the programs.
    pub compiler: String,
}

impl Machine {
    /// This machine.
    pub fn this(compiler: String) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = value(&memory, "MemTotal").unwrap_or_default();
        let kilobytes: u64 = memory.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Self {
            processor: value(&processors, "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gb: kilobytes.div_ceil(1024 * 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            compiler,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_shows_as_cpu_time_and_memory_as_resident() {
        let pid = std::process::id();
        let (before, start) = (cpu(pid).unwrap(), Instant::now());
        let mut block = vec![0_u8; 32 << 20];
        while start.elapsed() < Duration::from_millis(300) {
            block.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        }
        assert!(cpu(pid).unwrap() > before + Duration::from_millis(50));
        assert!(resident(pid).unwrap() > 32 << 20, "{}", block[0]);
        assert!(cpu(u32::MAX).is_err());
    }
}
