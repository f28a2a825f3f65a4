//! A server under test: a process of its own on a core of its own, and what it costs.

use std::{
    ffi::OsStr,
    fs, io,
    process::{Child, Command, Stdio},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};

/// The servers' core, and the clients'.
const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;

/// Killed when it is dropped.
#[derive(Debug)]
pub struct Process(Child);

/// A command that will run on the servers' core alone, with nothing to read and nothing of this program's settings.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(SERVER_CORE.to_string()).arg(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEARTH_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Process {
    pub fn start(command: &mut Command) -> io::Result<Process> {
        Ok(Process(command.spawn()?))
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Nanoseconds that all its threads have been on a CPU. A thread that ended is not in it.
    pub fn cpu_ns(&self) -> u64 {
        cpu_ns(&self.0.id().to_string())
    }

    /// Resident memory of its own, in kB. Pages of the program itself, which are read once when first used, are nobody's.
    pub fn memory_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Nanoseconds that this process has been on a CPU.
pub fn own_cpu_ns() -> u64 {
    cpu_ns("self")
}

/// Keeps this process to the clients' core. Called before any thread is made.
pub fn stay_on_own_core() -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(CLIENT_CORE)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &cores)?)
}

fn cpu_ns(process: &str) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return 0 };
    let of = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    tasks.flatten().filter_map(of).sum()
}

/// As many open sockets as the system allows.
pub fn open_many_files() -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}
