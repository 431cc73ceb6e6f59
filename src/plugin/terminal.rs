//! The one place where the plugin writes. It takes [`Printable`] lines and nothing else, so that what comes from files, the
//! cluster, the kubeconfig, the environment and the command line stays text.

use std::{
    ffi::OsString,
    io::{ErrorKind, Write},
};

use clap::{Parser, error::ErrorKind as Usage};

use crate::domain::tools::printable::Printable;

/// To standard output; whoever reads it may stop early, as `head` does.
pub(super) fn print(lines: &[Printable]) -> std::io::Result<()> {
    match write(std::io::stdout().lock(), lines) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// To standard error. When that is closed, nobody can be told.
pub(super) fn tell(line: &Printable) {
    let _ = write(std::io::stderr().lock(), std::slice::from_ref(line));
}

/// A line of a program that runs for the plugin.
pub(super) fn pass_on(line: &str) {
    tell(&Printable::new(line.trim_end()));
}

fn write(mut out: impl Write, lines: &[Printable]) -> std::io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_str());
        text.push('\n');
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Parses arguments; where that ends the program, its exit code: 0 after help and version, 2 after wrong usage.
///
/// # Errors
/// The exit code, once everything is said.
pub(super) fn parse<C: Parser>(arguments: impl Iterator<Item = OsString>) -> Result<C, u8> {
    let arguments: Vec<OsString> = arguments.collect();
    let error = match C::try_parse_from(&arguments) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => error,
    };
    let lines = |text: String| text.lines().map(Printable::new).collect::<Vec<_>>();
    match error.kind() {
        Usage::DisplayHelp | Usage::DisplayVersion => {
            let _ = print(&lines(error.to_string()));
            Err(0)
        }
        _ => {
            // Sentences of clap quote arguments, which may have line breaks: they are made anew from escaped ones.
            let escaped =
                arguments.iter().map(|argument| Printable::new(argument.to_string_lossy()).to_string());
            let said = match C::try_parse_from(escaped) {
                Err(error) => error.to_string(),
                Ok(_) => "error: an argument is not UTF-8 text, or has characters that cannot be printed"
                    .to_owned(),
            };
            lines(said).iter().for_each(tell);
            if let Some(hint) = super::cli::hint(&arguments) {
                tell(&Printable::new(hint));
            }
            Err(super::WRONG_USAGE)
        }
    }
}
