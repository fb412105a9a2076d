//! What Linux tells of processes: processor time and memory.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of the times in `/proc/PID/stat`: USER_HZ is 100 on every architecture we build for.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all children of this process that have been waited for.
pub(crate) fn children_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("/proc/self/stat")?;
    // cutime and cstime, the 16th and 17th of all fields.
    ticks(&stat, 13).context("/proc/self/stat is not as Linux writes it")
}

/// Two neighbouring fields of a stat line, added; counted from the state, the first field behind the name.
fn ticks(stat: &str, field: usize) -> Option<Duration> {
    // The name may hold blanks and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(field);
    let sum = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(TICK * sum)
}

/// User and system time of a running process with all threads it ever had, in ticks of 10 ms.
pub(crate) fn process_cpu(process: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("/proc/PID/stat")?;
    ticks(&stat, 11).context("/proc/PID/stat is not as Linux writes it")
}

/// User and system time of a running process, in nanoseconds: the sum of its threads, those that have ended left out.
pub(crate) fn threads_cpu(process: u32) -> Result<Duration> {
    let folder = format!("/proc/{process}/task");
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(&folder).context(folder)? {
        // A thread may end between being listed and being looked at.
        let Ok(stat) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let on_cpu = stat.split(' ').next().and_then(|ns| ns.parse().ok());
        sum += Duration::from_nanos(on_cpu.context("schedstat is not as Linux writes it")?);
    }
    Ok(sum)
}

/// The most memory a process has had at a time, in KiB; `None` once it has ended.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The memory that a process has to itself, and its share of what it has together with others, in KiB.
pub(crate) fn pss_kib(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let rollup = fs::read_to_string(&path).context(path)?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.context("smaps_rollup is not as Linux writes it")
}

/// The machine, for the head of the report: processors, memory, load.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory, load) = (
        read("/proc/cpuinfo"),
        read("/proc/meminfo"),
        read("/proc/loadavg"),
    );
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&cpus, "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory_gb = field(&memory, "MemTotal")
        .and_then(|kib| kib.split(' ').next()?.parse::<u64>().ok())
        .map_or(0, |kib| (kib + (1 << 19)) >> 20);
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores of {model}, {memory_gb} GB, load {load} at the start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 100 50 30 12 20 0";
        assert_eq!(ticks(stat, 11), Some(Duration::from_millis(1_500)));
        assert_eq!(ticks(stat, 13), Some(Duration::from_millis(420)));
    }

    #[test]
    fn this_process_has_threads_and_memory() {
        assert!(threads_cpu(std::process::id()).unwrap() > Duration::ZERO);
        assert!(process_cpu(std::process::id()).is_ok());
        assert!(peak_kib(std::process::id()).unwrap() > 1_000);
        let pss = pss_kib(std::process::id()).unwrap();
        assert!(pss > 500 && pss <= peak_kib(std::process::id()).unwrap());
        assert!(children_cpu().is_ok());
    }
}
