//! The operator that a reader would have written: in Go, with controller-runtime. Its sources, in the folder `ordinary` beside
//! this one, say what it does and what it leaves out.

use std::path::PathBuf;

use testbed::golang::{GoProgram, go_is_there};

const ORDINARY: GoProgram = GoProgram {
    name: "ordinary",
    module: concat!(env!("CARGO_MANIFEST_DIR"), "/ordinary"),
    package: ".",
    sources: &[
        "go.mod",
        "go.sum",
        "main.go",
        "aicore.go",
        "controller.go",
        "api/v1alpha1/types.go",
        "api/v1alpha1/zz_generated.deepcopy.go",
    ],
    takes: "three to six minutes",
};

/// Its path; it is built first when it is not there. Blocks.
///
/// # Errors
/// Why it cannot be had, as reports say it.
pub fn path() -> Result<PathBuf, String> {
    if !go_is_there() {
        return Err("there is no Go on this machine".to_owned());
    }
    ORDINARY.path().map_err(|error| format!("it could not be built: {error:#}"))
}
