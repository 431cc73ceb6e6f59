//! How far something is that takes minutes: one line that changes on a terminal, and a line now and then without one.

use std::{
    io::{BufRead, BufReader, IsTerminal, Write},
    process::Command,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::time::Instant;

/// What is shorter than this says nothing.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);
/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(20);
/// How many of the command's last lines an error shows.
const LAST_LINES: usize = 30;

/// How many parts are done, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) done: usize,
    pub(crate) of: usize,
}

/// Runs `command` to its end, and says meanwhile on standard error how far `what` is, as `position` reads it from the lines of
/// the command's output and errors. They are only shown when it fails: the last of them are the error. Blocks.
pub(crate) fn run_with_progress(
    what: &str,
    mut command: Command,
    mut position: impl FnMut(&str) -> Option<Position>,
) -> anyhow::Result<()> {
    let (output, input) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(input.try_clone().context("cannot share a pipe")?).stderr(input);
    let mut child = command.spawn().with_context(|| format!("cannot start {what}"))?;
    // It holds the pipe's writing ends, without which reading would not end.
    drop(command);
    let (send, lines) = sync_channel(LAST_LINES);
    let read = move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("progress".to_owned()).spawn(read).context("cannot start a thread")?;
    let mut screen = Screen::new(what);
    let mut last = Vec::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                if let Some(position) = position(&line) {
                    screen.position = Some(position);
                }
                if last.len() == LAST_LINES {
                    last.remove(0);
                }
                last.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        screen.show();
    }
    let status = child.wait().with_context(|| format!("cannot wait for {what}"))?;
    screen.end(status.success());
    ensure!(status.success(), "{what} failed ({status}):\n{}", last.join("\n"));
    Ok(())
}

struct Screen<'a> {
    what: &'a str,
    began: Instant,
    shown: Instant,
    terminal: bool,
    position: Option<Position>,
    visible: bool,
}

impl<'a> Screen<'a> {
    fn new(what: &'a str) -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self { what, began: now, shown: now, terminal, position: None, visible: false }
    }

    fn show(&mut self) {
        let pause = match (self.visible, self.terminal) {
            (false, _) => SILENCE,
            (true, true) => TICK,
            (true, false) => LINE,
        };
        if self.shown.elapsed() >= pause {
            self.shown = Instant::now();
            self.visible = true;
            self.print(&line(self.what, self.position, self.began.elapsed()), !self.terminal);
        }
    }

    fn end(&self, well: bool) {
        if self.visible {
            let end = if well { "done" } else { "failed" };
            self.print(&format!("{}: {end} after {} s", self.what, self.began.elapsed().as_secs()), true);
        }
    }

    fn print(&self, line: &str, complete: bool) {
        let (begin, end) = (if self.terminal { "\r\x1b[K" } else { "" }, if complete { "\n" } else { "" });
        let mut screen = std::io::stderr().lock();
        let _ = write!(screen, "{begin}testbed: {line}{end}").and_then(|()| screen.flush());
    }
}

fn line(what: &str, position: Option<Position>, time: Duration) -> String {
    let seconds = time.as_secs();
    match position {
        Some(Position { done, of }) => format!("{what}: {done} of {of}, {seconds} s"),
        None => format!("{what}: {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn the_position_is_read_from_output_and_errors() {
        let mut seen = Vec::new();
        run_with_progress("it", shell("echo one; echo two >&2; printf three"), |line| {
            seen.push(line.to_owned());
            Some(Position { done: seen.len(), of: 3 })
        })
        .unwrap();
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn a_failure_shows_the_last_lines() {
        let script = "for n in $(seq 1 100); do echo line-$n; done; exit 3";
        let error = run_with_progress("it", shell(script), |_| None).unwrap_err().to_string();
        assert!(error.starts_with("it failed (exit status: 3):\nline-71\n"), "{error}");
        assert!(error.ends_with("line-100"), "{error}");
    }

    #[test]
    fn a_line_says_how_much_is_done_of_how_much_and_the_time() {
        let time = Duration::from_secs(42);
        assert_eq!(line("building", Some(Position { done: 3, of: 9 }), time), "building: 3 of 9, 42 s");
        assert_eq!(line("building", None, time), "building: 42 s");
    }
}
