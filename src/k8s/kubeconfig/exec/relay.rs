//! Passes on what an exec plugin writes to standard error, while it runs: it may say which page to open.

use std::time::Duration;

use tokio::{io::AsyncReadExt, process::ChildStderr};

/// How much is passed on, in bytes. What comes then is read and dropped, so that the plugin does not wait.
const MAX_BYTES: usize = 64 << 10;
/// A line that has not ended after this long is a question.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn lines(err: Option<ChildStderr>, show: Option<fn(&str)>) {
    let (Some(mut err), Some(show)) = (err, show) else { return };
    let (mut pending, mut left) = (Vec::new(), MAX_BYTES);
    let mut buffer = [0; 4096];
    loop {
        let read = if pending.is_empty() {
            Ok(err.read(&mut buffer).await)
        } else {
            tokio::time::timeout(PAUSE, err.read(&mut buffer)).await
        };
        let bytes = match read {
            Err(_) => &b"\n"[..],
            Ok(Ok(count @ 1..)) => {
                let count_shown = count.min(left);
                left -= count_shown;
                buffer.get(..count_shown).unwrap_or_default()
            }
            Ok(_) => break,
        };
        for byte in bytes {
            match byte {
                b'\n' if pending.is_empty() => {}
                b'\n' => show(&String::from_utf8_lossy(&std::mem::take(&mut pending))),
                byte => pending.push(*byte),
            }
        }
    }
    if !pending.is_empty() {
        show(&String::from_utf8_lossy(&pending));
    }
}
