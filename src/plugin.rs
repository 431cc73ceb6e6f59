//! The kubectl plugin `kubectl aicore-registry`: looks at resources, asks the operator for something, and tells what is wrong
//! with a credential before or after it is in the cluster.
//!
//! Each command has a file. It uses the operator's own [`domain`](crate::domain) and adapters, so it cannot judge a Secret in
//! another way than the operator; the operator reaches nothing of it.

mod age;
mod check;
mod cli;
mod cluster;
mod registry;
mod status;
mod suspend;
mod sync;
mod table;
mod tenants;
mod terminal;

use std::{error::Error, ffi::OsString, fmt::Display, process::ExitCode};

use cli::{Cli, Command};

use crate::{domain::tools::printable::Printable, error::WithCauses};

/// Exit code when something is wrong with a resource, a credential or a server.
const WRONG: u8 = 1;
/// Exit code for a wrong command line, as clap uses it too.
const WRONG_USAGE: u8 = 2;

/// What a command has to say, and whether all is well.
struct Done {
    lines: Vec<Printable>,
    fine: bool,
}

impl Done {
    /// One line.
    fn line(text: impl Display, fine: bool) -> Self {
        Self { lines: vec![Printable::new(text)], fine }
    }
}

/// Why a command could not be carried out: one sentence.
#[derive(Debug)]
enum Failed {
    /// The arguments, or the files that they name, cannot be used.
    Usage(Printable),
    /// The cluster refused, or does not answer.
    Cluster(Printable),
}

impl Failed {
    fn usage(sentence: impl Display) -> Self {
        Self::Usage(Printable::new(sentence))
    }

    /// With its causes.
    fn unusable(error: impl Error + 'static) -> Self {
        Self::usage(WithCauses(&error))
    }

    fn cluster(sentence: impl Display) -> Self {
        Self::Cluster(Printable::new(sentence))
    }
}

/// Carries out what the arguments say (the first of them is the program's name), and says what came of it: 0 all is well, 1
/// something is wrong, 2 wrong usage.
#[must_use]
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match terminal::parse(arguments) {
        Ok(cli) => carry_out(cli),
        Err(code) => code.into(),
    }
}

fn carry_out(cli: Cli) -> ExitCode {
    // Both TLS clients take the process's provider; without one they would panic at their first use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return fail(WRONG, "another TLS provider is installed already");
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(WRONG, error),
    };
    match runtime.block_on(execute(cli)) {
        Ok(done) => match terminal::print(&done.lines) {
            Ok(()) => ExitCode::from(if done.fine { 0 } else { WRONG }),
            Err(error) => fail(WRONG, format!("the output cannot be written: {error}")),
        },
        Err(Failed::Usage(sentence)) => fail(WRONG_USAGE, sentence),
        Err(Failed::Cluster(sentence)) => fail(WRONG, sentence),
    }
}

async fn execute(cli: Cli) -> Result<Done, Failed> {
    let Cli { cluster, command } = cli;
    match command {
        Command::Status(args) => status::run(&cluster, &args).await,
        Command::Tenants(args) => tenants::run(&cluster, &args).await,
        Command::Sync(args) => sync::run(&cluster, &args).await,
        Command::Suspend(args) => suspend::run(&cluster, &args.name, true).await,
        Command::Resume(args) => suspend::run(&cluster, &args.name, false).await,
        Command::Check(args) => check::run(&cluster, &args).await,
    }
}

fn fail(code: u8, sentence: impl Display) -> ExitCode {
    terminal::tell(&Printable::new(format_args!("error: {sentence}")));
    code.into()
}
