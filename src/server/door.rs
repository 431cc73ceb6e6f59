//! Who comes in. There is room for a number of connections; when it is full, a new one takes the place of another, so that
//! the kubelet and Prometheus are served however many connections another address holds open. Against as many addresses as there
//! are places, the oldest connection gives way, whoever has it.

use std::{
    cmp::Reverse,
    io::{self, ErrorKind},
    net::IpAddr,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::connection::{self, Limits};

/// How long to wait when no connection can be accepted, as when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection that is open.
struct Place {
    address: IpAddr,
    task: AbortHandle,
}

/// Accepts and serves connections until `stop`, which ends those that are open.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    // The oldest first.
    let mut places: Vec<Place> = Vec::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match usable(accepted).await {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        // An IPv4 client of an IPv6 socket is the same client.
        let address = peer.ip().to_canonical();
        places.retain(|place| !place.task.is_finished());
        if places.len() >= limits.connections {
            let addresses: Vec<IpAddr> = places.iter().map(|place| place.address).collect();
            if let Some(place) = gives_way(&addresses, address) {
                places.remove(place).task.abort();
                // What it holds is free before the next one comes in.
                tokio::task::yield_now().await;
            }
        }
        let task = connections.spawn(connection::serve(stream, peer, router.clone(), limits));
        places.push(Place { address, task });
    }
}

/// Which of the open connections, the oldest first, ends for a new one: the oldest one of the address that has the most,
/// the new one counted. Nobody loses a connection to somebody who has more of them, and among many who have one each
/// everybody has the time in which all places are taken anew.
fn gives_way(open: &[IpAddr], newcomer: IpAddr) -> Option<usize> {
    let count = |address: IpAddr| open.iter().chain([&newcomer]).filter(|other| **other == address).count();
    let (place, _) = open.iter().enumerate().min_by_key(|(_, address)| Reverse(count(**address)))?;
    Some(place)
}

/// The connection, if there is one. What fails does so for this time only; where the next one would fail too, it waits.
async fn usable<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(accepted) => Some(accepted),
        // It ended before its turn.
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => None,
        Err(error) => {
            warn!(%error, "a connection to the port for health and metrics could not be accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn who_has_the_most_gives_way_and_the_oldest_of_those_who_have_as_many() {
        for (open, newcomer, expected) in [
            (&[7, 1, 7][..], 2, Some(0)),
            (&[1, 7, 7], 2, Some(1)),
            (&[1, 2, 3], 4, Some(0)),
            // Whoever would have the most with the new one loses an own one.
            (&[1, 1, 7, 7], 7, Some(2)),
            (&[1, 1, 7, 7], 1, Some(0)),
            (&[7, 7, 7, 1], 1, Some(0)),
            (&[1], 1, Some(0)),
            (&[], 1, None),
        ] {
            let address = |last: &u8| IpAddr::from(Ipv4Addr::new(10, 0, 0, *last));
            let addresses: Vec<IpAddr> = open.iter().map(address).collect();
            assert_eq!(gives_way(&addresses, address(&newcomer)), expected, "{open:?} and {newcomer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_when_the_next_connection_would_fail_too() {
        const NO_FILE_DESCRIPTOR: i32 = 24;
        for (accepted, usable_one, waits) in [
            (Ok(()), Some(()), Duration::ZERO),
            (Err(ErrorKind::ConnectionAborted.into()), None, Duration::ZERO),
            (Err(io::Error::from_raw_os_error(NO_FILE_DESCRIPTOR)), None, PAUSE),
        ] {
            let start = tokio::time::Instant::now();
            assert_eq!((usable(accepted).await, start.elapsed()), (usable_one, waits));
        }
    }
}
