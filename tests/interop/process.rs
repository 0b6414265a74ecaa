//! A program that is started, listened to and waited for, and that never outlives the test, however the test ends.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// How long anything that is waited for may take. Whole tests take 10 to 20 seconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// Becomes the program, and leaves someone beside it who ends the whole group when stdin is closed. That the system does
/// for a test that is killed and can no longer do it itself.
const ON_A_LEASH: &str = r#"exec 3<&0
{ cat; kill -s KILL -- -$$; } <&3 >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null"#;

/// A program under way. When dropped it is killed, with whatever it has started; if the test is failing, what it said
/// is printed.
pub struct Process {
    name: String,
    child: Child,
    heard: Arc<Heard>,
    _leash: ChildStdin,
}

/// What a program has said so far, on stdout and stderr.
#[derive(Default)]
struct Heard {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    /// Of its two mouths.
    closed: u32,
}

impl Process {
    /// Starts a program; `name` is what it is called when something fails.
    pub fn start(name: &str, program: &Command) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", ON_A_LEASH, "sh"]).arg(program.get_program()).args(program.get_args());
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("there is a shell");
        let heard = Arc::new(Heard::default());
        listen(child.stdout.take().expect("stdout is piped"), &heard);
        listen(child.stderr.take().expect("stderr is piped"), &heard);
        let leash = child.stdin.take().expect("stdin is piped");
        Self { name: name.to_owned(), child, heard, _leash: leash }
    }

    /// Waits for the first line with `words` in it; what stands behind them.
    pub fn hear(&self, words: &str) -> String {
        let behind = |said: &Said| {
            let line = said.lines.iter().find_map(|line| line.split_once(words))?;
            Some(line.1.trim().to_owned())
        };
        let said = self.heard.said.lock().expect("nobody panics with it");
        let (said, _) = self
            .heard
            .more
            .wait_timeout_while(said, PATIENCE, |said| behind(said).is_none() && said.closed < 2)
            .expect("nobody panics with it");
        let found = behind(&said);
        drop(said);
        found.unwrap_or_else(|| panic!("{} did not say `{words}`", self.name))
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        kill(self.pid(), Signal::SIGTERM).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Waits for it to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        const STEP: Duration = Duration::from_millis(20);
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            sleep(STEP);
        }
        panic!("{} did not end", self.name);
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended. The one beside it has not, so that the number of the group is nobody else's.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.heard.said.lock().expect("nobody panics with it");
            eprintln!("---- {} said:\n{}\n----", self.name, said.lines.join("\n"));
        }
    }
}

fn listen(mouth: impl Read + Send + 'static, heard: &Arc<Heard>) {
    let heard = Arc::clone(heard);
    spawn(move || {
        let mut mouth = BufReader::new(mouth);
        let mut line = Vec::new();
        // Not by lines of text: what is said need not be UTF-8.
        while mouth.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let mut said = heard.said.lock().expect("nobody panics with it");
            said.lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            drop(said);
            heard.more.notify_all();
            line.clear();
        }
        heard.said.lock().expect("nobody panics with it").closed += 1;
        heard.more.notify_all();
    });
}

#[test]
fn a_program_is_heard_and_waited_for() {
    let mut process = Process::start("sh", Command::new("sh").args(["-c", "echo it says so; exit 7"]));
    assert_eq!(process.hear("it says"), "so");
    assert_eq!(process.ended().code(), Some(7));
}

#[test]
fn a_program_does_not_outlive_whoever_holds_it() {
    let process = Process::start("sh", Command::new("sh").args(["-c", "sleep 1000 & echo pid $!; wait"]));
    let grandchild = Pid::from_raw(process.hear("pid ").parse().expect("a number"));
    assert_eq!(kill(grandchild, None), Ok(()));
    drop(process);
    wait_until_gone(grandchild);
}

#[test]
fn a_program_is_ended_when_the_leash_is_let_go() {
    let mut process = Process::start("sleep", Command::new("sleep").arg("1000"));
    // What the system does when a test is killed.
    let Process { _leash: leash, .. } = &mut process;
    let taken = std::mem::replace(leash, other_stdin());
    drop(taken);
    assert!(!process.ended().success());
}

/// The stdin of a program that does not need it.
#[cfg(test)]
fn other_stdin() -> ChildStdin {
    let mut child = Command::new("true").stdin(Stdio::piped()).spawn().expect("there is `true`");
    let stdin = child.stdin.take().expect("stdin is piped");
    child.wait().expect("it is our child");
    stdin
}

/// Waits for a process to be gone, or at least dead and not yet buried.
fn wait_until_gone(pid: Pid) {
    let dead = || {
        kill(pid, None).is_err()
            || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|it| it.contains(") Z "))
    };
    for _ in 0..1_000 {
        if dead() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{pid} is still there");
}
