//! The socket that everybody connects to.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket};

/// What the kernel keeps of a connection's unread and unsent bytes; Linux takes twice the figure. Left to itself it lets both
/// grow to megabytes, in the memory of the pod. Connections have what the socket has that they came in by.
const RECEIVE_BUFFER: u32 = 8 * 1024;
const SEND_BUFFER: u32 = 64 * 1024;

/// Connections that wait to be accepted. Beyond that the kernel has them try again after a second, which a probe does not wait.
const BACKLOG: u32 = 1024;

/// Binds the address. `[::]` takes IPv4 as well; on a node without IPv6 it cannot be bound, and `0.0.0.0` does.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match bind(address) {
        Err(error) if error.kind() != ErrorKind::AddrInUse && address.ip() == Ipv6Addr::UNSPECIFIED => {
            // What stands in the way may be something else: then it is said for the address that was asked for.
            bind((Ipv4Addr::UNSPECIFIED, address.port()).into()).map_err(|_| error)
        }
        bound => bound,
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The port is free again at once after a restart.
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
