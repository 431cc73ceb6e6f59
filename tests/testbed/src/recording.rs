//! A recording of the demo for the README: what it printed and when, as asciicast v2, which asciinema can play too
//! (<https://docs.asciinema.org/manual/asciicast/v2/>), and a picture that is drawn from it.

mod picture;

use std::{fmt::Write as _, path::PathBuf, process::Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::Instant,
};

pub use self::picture::draw;
use crate::{controlplane::workspace, process::tethered};

/// What a reader types to see the same.
const COMMAND: &str = "$ make demo";
/// Size of the terminal, in characters.
const COLUMNS: usize = 134;
const ROWS: usize = 32;
/// The most that is read of a run, in lines. The demo prints about eighty.
const LONGEST: usize = 1000;

/// Lines of a terminal, each with the seconds from the start until it was there.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    columns: usize,
    rows: usize,
    lines: Vec<(f64, String)>,
}

/// Where the recording is kept.
#[must_use]
pub fn cast_path() -> PathBuf {
    workspace().join("docs/demo/demo.cast")
}

/// Where the picture is.
#[must_use]
pub fn picture_path() -> PathBuf {
    workspace().join("docs/demo/demo.svg")
}

/// Runs the demo, shows what it prints, and writes the recording and the picture.
///
/// # Errors
/// When the demo fails, or prints without an end.
pub async fn record() -> anyhow::Result<()> {
    let cast = Cast::of_a_run().await?;
    let folder = cast_path().parent().context("the recording has no folder")?.to_owned();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    std::fs::write(cast_path(), cast.to_text()).context("cannot write the recording")?;
    draw_again()
}

/// Draws the picture from the recording that is there.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn draw_again() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(cast_path()).context("there is no recording")?;
    std::fs::write(picture_path(), draw(&Cast::parse(&text)?)).context("cannot write the picture")
}

impl Cast {
    async fn of_a_run() -> anyhow::Result<Self> {
        let mut child = tethered(std::env::current_exe()?)
            .arg("demo")
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the demo")?;
        let started = Instant::now();
        let stdout = child.stdout.take().context("the demo has no standard output")?;
        let mut output = BufReader::new(stdout).lines();
        let mut lines = vec![(0.0, COMMAND.to_owned())];
        while let Some(line) = output.next_line().await? {
            ensure!(lines.len() < LONGEST, "the demo prints more than {LONGEST} lines");
            println!("{line}");
            lines.push((started.elapsed().as_secs_f64(), line));
        }
        let status = child.wait().await?;
        ensure!(status.success(), "the demo ended with {status}");
        Ok(Self { columns: COLUMNS, rows: ROWS, lines })
    }

    /// The lines, without their times.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(_, line)| line.as_str())
    }

    /// As asciicast v2: a header, then an event for each line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let header =
            json!({ "version": 2, "width": self.columns, "height": self.rows, "title": "make demo" });
        let mut text = format!("{header}\n");
        for (time, line) in &self.lines {
            // Milliseconds are enough for eyes.
            let time = (time * 1000.0).round() / 1000.0;
            let _ = writeln!(text, "{}", json!([time, "o", format!("{line}\r\n")]));
        }
        text
    }

    /// Reads what [`Self::to_text`] writes.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut values = text.lines().map(serde_json::from_str::<Value>);
        let header = values.next().context("the recording is empty")??;
        ensure!(header["version"] == 2, "the recording is not asciicast v2");
        let size = |name: &str| {
            let size = header[name].as_u64().and_then(|size| usize::try_from(size).ok());
            size.filter(|size| *size > 0).with_context(|| format!("the recording has no {name}"))
        };
        let mut lines = Vec::new();
        for event in values {
            let event = event?;
            let (Some(time), Some("o"), Some(data)) =
                (event[0].as_f64(), event[1].as_str(), event[2].as_str())
            else {
                bail!("{event} is no output at a time");
            };
            let line = data.strip_suffix("\r\n").with_context(|| format!("{event} is no whole line"))?;
            lines.push((time, line.to_owned()));
        }
        Ok(Self { columns: size("width")?, rows: size("height")?, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let lines = vec![(0.0, "$ make demo".to_owned()), (1.5, "== \"quoted\" & <done>".to_owned())];
        let cast = Cast { columns: 80, rows: 24, lines };
        assert_eq!(Cast::parse(&cast.to_text()).unwrap(), cast);
        assert!(
            cast.to_text().starts_with(
                "{\"height\":24,\"title\":\"make demo\",\"version\":2,\"width\":80}\n[0.0,\"o\","
            )
        );
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let header = json!({ "version": 2, "width": 80, "height": 24 });
        for text in [
            String::new(),
            "{\"version\":1}".to_owned(),
            format!("{header}\n[0.0,\"i\",\"typed\\r\\n\"]"),
            format!("{header}\n[0.0,\"o\",\"half a line\"]"),
        ] {
            assert!(Cast::parse(&text).is_err(), "{text}");
        }
    }
}
