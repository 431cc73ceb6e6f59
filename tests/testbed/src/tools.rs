//! Programs that judge what the repository ships for other tools, as those tools do: `promtool`, and the small ones in the
//! folder `tools/` of this package, each of which says at its top what it reads and prints.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{
    golang::{built_once, compile, go, key_of},
    process::tethered_std,
};

/// The programs of the folder `tools/`.
const OWN: [&str; 5] = ["jsonata", "kstatus", "lua", "promeval", "promql"];

/// Arguments of `go build`. Without the tag promtool brings the clients of twenty clouds, to find what to
/// scrape, which rules do not need.
const BUILD: [&str; 5] = ["-trimpath", "-ldflags", "-s -w", "-tags", "remove_all_sd"];

/// The folder of the programs, which are built first when they are not there: about two minutes on two
/// cores, once. Blocks.
pub fn tools() -> anyhow::Result<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools");
    let read = |name: &str| {
        let path = module.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut sources = vec![BUILD.join(" ").into_bytes(), read("go.mod")?, read("go.sum")?];
    for name in OWN {
        sources.push(read(&format!("{name}/main.go"))?);
    }
    let parts: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
    built_once("gotools", &key_of(&parts), |folder| build(&module, folder))
}

fn build(module: &Path, output: &Path) -> anyhow::Result<()> {
    eprintln!(
        "testbed: building promtool and small tools with Go; the first time this takes about two minutes on two cores"
    );
    let output = output.to_str().context("the path of target/ is not UTF-8")?;
    let arguments: Vec<&str> = BUILD.into_iter().chain(["-o", output]).collect();
    let own = OWN.map(|name| format!("./{name}"));
    // As its own argument `tool` stands for the tool dependencies of go.mod.
    let packages: Vec<&str> = std::iter::once("tool").chain(own.iter().map(String::as_str)).collect();
    compile("building promtool and small tools", || go(module), &arguments, &packages)
}

/// Runs one of the small programs on `input`, and returns what it prints; an error is what it says on its
/// standard error. Blocks.
pub fn ask(program: &str, input: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    let mut child = tethered_std(tools()?.join(program))?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut stdin = child.stdin.take().context("the program has a standard input")?;
    // All of these programs read their whole input before they print.
    stdin.write_all(input.to_string().as_bytes()).with_context(|| format!("{program} does not read"))?;
    drop(stdin);
    let output = child.wait_with_output().with_context(|| format!("cannot wait for {program}"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{program} prints something else than JSON"))
}

/// `promtool`, to be given arguments.
pub fn promtool() -> anyhow::Result<Command> {
    tethered_std(tools()?.join("promtool"))
}
