//! What a crash leaves behind: a line that says where it was, and nothing of what the process held.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, Write as _},
    panic,
};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;

use crate::{clock, telemetry::LogFormat};

/// No memory of the process gets into a core dump, whatever the node does with them. For the kernel a limit of one byte is less
/// than any file needs, and the one value by which a program that takes dumps from a pipe is not started either: to that one the
/// limit is nothing otherwise, also when it is 0 (`fs/coredump.c`).
pub fn leave_no_core() {
    for bytes in [1, 0] {
        // A limit of 0 that was there before cannot be raised, and is kept.
        if setrlimit(Resource::Core, Rlimit { current: Some(bytes), maximum: Some(bytes) }).is_ok() {
            return;
        }
    }
}

/// Tells a panic by its place. What it says is not shown: where a library unwraps an error that quotes what was read, it is data.
pub fn quote_nothing(format: LogFormat) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = Backtrace::capture();
        // The log is not used: it may be what panicked. Nothing can be done where nobody reads.
        let _ = writeln!(io::stderr(), "{}", line(format, &place, &backtrace));
    }));
}

fn line(format: LogFormat, place: &str, backtrace: &Backtrace) -> String {
    const MESSAGE: &str =
        "the program panicked; what it says is withheld, because it can quote data. Please report the place";
    let time = clock::now();
    // By RUST_BACKTRACE: names of functions, and no values.
    let functions = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    match format {
        LogFormat::Json => json!({
            "timestamp": time, "level": "ERROR", "message": MESSAGE, "place": place, "backtrace": functions,
        })
        .to_string(),
        LogFormat::Text => {
            format!("{time} ERROR {MESSAGE} place=\"{place}\"\n{}", functions.unwrap_or_default())
                .trim_end()
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::Value;

    use super::*;

    const SECRET: &str = "s3cr3tCanary";

    /// As a library may panic that is given a secret: by a message that quotes it.
    #[test]
    #[ignore = "panics; the next test runs it in a process of its own"]
    fn a_panic_that_quotes_a_secret() {
        quote_nothing(LogFormat::Json);
        let number: Result<u8, &str> = SECRET.parse().map_err(|_| SECRET);
        number.unwrap();
    }

    #[test]
    fn a_panic_tells_its_place_and_quotes_nothing() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::tests::a_panic_that_quotes_a_secret", "--ignored", "--nocapture"])
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 failed"), "{said}");
        assert!(!told.contains("Canary") && !said.contains("Canary"), "{told}{said}");
        let line: Value =
            told.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("{told}"));
        assert_eq!(line["level"], "ERROR");
        assert!(line["place"].as_str().unwrap().starts_with("src/crash.rs:"), "{line}");
    }

    #[test]
    fn a_line_of_text_is_one_line() {
        let text = line(LogFormat::Text, "src/a.rs:1:2", &Backtrace::disabled());
        assert!(
            text.contains(" ERROR the program panicked; ") && text.ends_with("place=\"src/a.rs:1:2\""),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
}
