//! The machine that a run was made on: without it, what the run cost says little.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;

/// A machine, as its operating system describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The name of the processor, if it is told.
    pub cpu: Option<String>,
    /// Cores that this program may use.
    pub cores: u32,
    /// Memory in bytes, if it is told.
    pub memory_bytes: Option<u64>,
    /// Operating system and instruction set, such as `linux x86_64`.
    pub platform: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let of = |file: &str, field: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line =
                text.lines().find(|line| line.split(':').next().is_some_and(|it| it.trim() == field))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib = |text: String| text.strip_suffix("kB")?.trim().parse::<u64>().ok();
        Self {
            cpu: of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, |it| it.get() as u32),
            memory_bytes: of("/proc/meminfo", "MemTotal").and_then(kib).map(|kib| kib * 1_024),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(cpu) = &self.cpu {
            write!(f, "{cpu}, ")?;
        }
        write!(f, "{} core{}, ", self.cores, if self.cores == 1 { "" } else { "s" })?;
        if let Some(bytes) = self.memory_bytes {
            write!(f, "{:.0} GiB, ", bytes as f64 / f64::from(1 << 30))?;
        }
        f.write_str(&self.platform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_in_a_line() {
        let machine = Machine {
            cpu: Some("Model 3".into()),
            cores: 2,
            memory_bytes: Some(25_769_803_776),
            platform: "linux x86_64".into(),
        };
        assert_eq!(machine.to_string(), "Model 3, 2 cores, 24 GiB, linux x86_64");
        let bare = Machine { cpu: None, cores: 1, memory_bytes: None, platform: "plan9 mips".into() };
        assert_eq!(bare.to_string(), "1 core, plan9 mips");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_how_much_memory_there_is() {
        let machine = Machine::this();
        assert!(machine.cores >= 1 && machine.memory_bytes.is_some_and(|it| it > 1 << 26), "{machine:?}");
    }
}
