//! One step = one program: its output goes to the lane's log, a line on the terminal says how it went.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// No step of ours needs longer; one that hangs must not hang a machine for hours.
const LIMIT: Duration = Duration::from_secs(60 * 60);
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);
const TAIL_LINES: usize = 60;

/// Runs the steps of one lane, one after the other.
pub(crate) struct Steps {
    lane: &'static str,
    log: File,
    log_path: PathBuf,
    verbose: bool,
}

/// A program that has ended.
pub(crate) struct Finished {
    pub(crate) ok: bool,
    pub(crate) output: String,
}

impl Steps {
    pub(crate) fn new(project: &Project, lane: &'static str, verbose: bool) -> Result<Self> {
        let folder = project.target.join("lanes");
        fs::create_dir_all(&folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        let log_path = folder.join(format!("{lane}.log"));
        let log = File::create(&log_path)
            .with_context(|| format!("could not write {}", log_path.display()))?;
        Ok(Self {
            lane,
            log,
            log_path,
            verbose,
        })
    }

    /// Runs a program to its end; an error means that it could not even be started.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> Result<Finished> {
        self.announce(name)?;
        writeln!(self.log, "\n=== {name}\n=== {command:?}")?;
        let started = Instant::now();
        let finished = match self.attend(command) {
            Ok(finished) => finished,
            Err(error) => {
                println!("could not run");
                return Err(error);
            }
        };
        self.conclude(finished.ok, started.elapsed())?;
        if !finished.ok && !self.verbose {
            self.show_tail(&finished.output);
        }
        Ok(finished)
    }

    /// A step that runs no program: `work` gives what is wrong, one line each.
    pub(crate) fn look(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<Vec<String>>,
    ) -> Result<bool> {
        self.announce(name)?;
        let started = Instant::now();
        let wrong = work().unwrap_or_else(|error| vec![format!("{error:#}")]);
        let ok = wrong.is_empty();
        self.conclude(ok, started.elapsed())?;
        for line in &wrong {
            println!("    {line}");
            writeln!(self.log, "{line}")?;
        }
        Ok(ok)
    }

    fn announce(&self, name: &str) -> io::Result<()> {
        print!("{:<8} {name} … ", self.lane);
        if self.verbose {
            println!();
        }
        io::stdout().flush()
    }

    fn conclude(&mut self, ok: bool, took: Duration) -> io::Result<()> {
        let word = if ok { "ok" } else { "FAILED" };
        let took = duration(took);
        if self.verbose {
            print!("{:<8} ", self.lane);
        }
        println!("{word}, {took}");
        writeln!(self.log, "=== {word}, {took}")
    }

    fn show_tail(&self, output: &str) {
        let mut tail = VecDeque::new();
        for line in output.lines() {
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(line);
        }
        for line in tail {
            println!("    {line}");
        }
        println!("    (all of it: {})", self.log_path.display());
    }

    fn attend(&mut self, command: &mut Command) -> Result<Finished> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "could not start {}",
                    Path::new(command.get_program()).display()
                )
            })?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            pass_on(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            pass_on(stderr, sender.clone());
        }
        drop(sender);

        let started = Instant::now();
        let mut last_sign = started;
        let mut output = String::new();
        let mut ended = None;
        // Once the program has ended, what it started may still hold the pipes open: then nobody waits for them.
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => {
                    writeln!(self.log, "{line}")?;
                    if self.verbose {
                        println!("    {line}");
                    }
                    output.push_str(&line);
                    output.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if ended.is_some() => break,
                Err(RecvTimeoutError::Timeout) => ended = child.try_wait()?,
            }
            if started.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                bail!("ended after {}: it hung", duration(LIMIT));
            }
            if !self.verbose && last_sign.elapsed() > SIGN_OF_LIFE {
                last_sign = Instant::now();
                print!("{} … ", duration(started.elapsed()));
                io::stdout().flush()?;
            }
        }
        let status = match ended {
            Some(status) => status,
            None => child.wait()?,
        };
        Ok(Finished {
            ok: status.success(),
            output,
        })
    }
}

fn pass_on(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if lines.send(line).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}

/// "34 s", "2 min 05 s".
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 60 {
        0 if seconds < 10 => format!("{:.1} s", duration.as_secs_f64()),
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn project(name: &str) -> Project {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Project {
            root: folder.clone(),
            target: folder.clone(),
            cache: folder,
            metadata: serde_json::Value::Null,
        }
    }

    #[test]
    fn both_outputs_are_read_and_kept_in_the_log() {
        let project = project("steps");
        let mut steps = Steps::new(&project, "rust", false).unwrap();
        let mut command = project.command("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let finished = steps.run("try", &mut command).unwrap();
        assert!(!finished.ok);
        assert!(finished.output.contains("out\n") && finished.output.contains("err\n"));
        let log = fs::read_to_string(project.target.join("lanes/rust.log")).unwrap();
        assert!(log.contains("=== try") && log.contains("\nerr\n") && log.contains("FAILED"));
        fs::remove_dir_all(&project.root).unwrap();
    }

    #[test]
    fn a_program_left_behind_does_not_hold_the_lane() {
        let project = project("left-behind");
        let mut steps = Steps::new(&project, "rust", false).unwrap();
        let mut command = project.command("sh");
        command.args(["-c", "sleep 20 & echo done"]);
        let started = Instant::now();
        assert!(steps.run("try", &mut command).unwrap().ok);
        assert!(started.elapsed() < Duration::from_secs(15));
        fs::remove_dir_all(&project.root).unwrap();
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(34)), "34 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
    }
}
