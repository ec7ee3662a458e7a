//! The calls to Linux behind the UDP input: many datagrams with one system call, buffer sizes, the kernel's own losses.

use rustix::net::sockopt;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Datagrams that one system call takes.
pub(crate) const BATCH_LEN: usize = 64;
/// More than the longest datagram, 65,507 bytes.
const SLOT_LEN: usize = 64 << 10;
/// Values of `SO_MEMINFO`; the last is the number of dropped datagrams. Linux: `include/uapi/linux/sock_diag.h`.
const MEMINFO_LEN: usize = 9;

/// Binds a UDP socket that wakes up every `timeout`. `[::]` takes IPv4 as well, or only IPv4 where there is no IPv6.
pub(crate) fn bind_udp(address: SocketAddr, share_port: bool, timeout: Duration) -> io::Result<Socket> {
    let bind = |address: SocketAddr| {
        let socket = open(address, Type::DGRAM, Protocol::UDP)?;
        socket.set_reuse_port(share_port)?;
        socket.set_read_timeout(Some(timeout))?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    or_ipv4(address, bind)
}

/// Listens for TCP connections, as [`bind_udp`] does for datagrams.
pub(crate) fn listen_tcp(address: SocketAddr, backlog: i32, timeout: Duration) -> io::Result<Socket> {
    let listen = |address: SocketAddr| {
        let socket = open(address, Type::STREAM, Protocol::TCP)?;
        socket.set_reuse_address(true)?;
        socket.set_read_timeout(Some(timeout))?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(socket)
    };
    or_ipv4(address, listen)
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Tries all IPv4 addresses where all IPv6 ones cannot be had because the kernel has no IPv6.
fn or_ipv4(address: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<Socket>) -> io::Result<Socket> {
    open(address).or_else(|error| match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) if address.is_ipv6() && address.ip().is_unspecified() => {
            open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        _ => Err(error),
    })
}

/// The address that a socket is bound to.
pub(crate) fn local_addr(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?.as_socket();
    address.ok_or_else(|| io::Error::other("the socket has no internet address"))
}

/// IPv4 senders of an IPv6 socket by their IPv4 address.
pub(crate) fn normalise(sender: SocketAddr) -> SocketAddr {
    SocketAddr::new(sender.ip().to_canonical(), sender.port())
}

/// Asks for a receive buffer, beyond the system's limit where this process may; returns the bytes that it got.
pub(crate) fn set_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<usize> {
    if sockopt::set_socket_recv_buffer_size_force(socket, bytes).is_err() {
        socket.set_recv_buffer_size(bytes)?;
    }
    // Linux reports twice of what was asked: the other half is for its own bookkeeping (socket(7)).
    Ok(socket.recv_buffer_size()? / 2)
}

/// Datagrams that the kernel has dropped for this socket since it was opened; wraps at 2^32.
pub(crate) fn kernel_drops(socket: &Socket) -> io::Result<u32> {
    let mut values = [0_u32; MEMINFO_LEN];
    let mut len = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the pointers are to live variables, and `len` is the size of `values` in bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(values[MEMINFO_LEN - 1]) }
}

/// Buffers for [`BATCH_LEN`] datagrams, filled by one `recvmmsg` call.
pub(crate) struct BatchReceiver {
    bytes: Vec<u8>,
    senders: Vec<libc::sockaddr_storage>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Datagrams of the last call.
    n_received: usize,
}

/// One datagram of the last call.
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    /// `None` for senders that are no internet addresses, which do not exist on these sockets.
    pub sender: Option<SocketAddr>,
    pub payload: &'a [u8],
    /// The payload is only the beginning of what was sent.
    pub is_truncated: bool,
}

impl BatchReceiver {
    pub(crate) fn new() -> BatchReceiver {
        // SAFETY: both are plain structures of the kernel's interface, for which all zeros are valid.
        let (sender, header): (libc::sockaddr_storage, libc::mmsghdr) = unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut bytes = vec![0; BATCH_LEN * SLOT_LEN];
        let slots = bytes.chunks_exact_mut(SLOT_LEN);
        let parts = slots.map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: SLOT_LEN }).collect();
        let senders = vec![sender; BATCH_LEN];
        BatchReceiver { bytes, senders, parts, headers: vec![header; BATCH_LEN], n_received: 0 }
    }

    /// Waits for a datagram, until the socket's time-out, and takes all that are there; returns how many.
    pub(crate) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        self.n_received = 0;
        for ((header, part), sender) in self.headers.iter_mut().zip(&mut self.parts).zip(&mut self.senders) {
            header.msg_hdr.msg_name = (&raw mut *sender).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: each header points to a live sender and part of its own, and each part to a slot of its own inside
        // `bytes`; none of the vectors is resized after `new`.
        let n = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH_LEN as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        self.n_received = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        Ok(self.n_received)
    }

    /// The datagrams of the last call.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let slots = self.bytes.chunks_exact(SLOT_LEN).zip(&self.headers).zip(&self.senders);
        slots.take(self.n_received).map(|((slot, header), sender)| Datagram {
            sender: socket_addr(sender, header.msg_hdr.msg_namelen),
            payload: &slot[..(header.msg_len as usize).min(SLOT_LEN)],
            is_truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        })
    }
}

fn socket_addr(storage: &libc::sockaddr_storage, len: libc::socklen_t) -> Option<SocketAddr> {
    let mut copy = MaybeUninit::<socket2::SockAddrStorage>::zeroed();
    let size = size_of::<libc::sockaddr_storage>().min(size_of::<socket2::SockAddrStorage>());
    // SAFETY: both are storage for any socket address, zeros are valid in both, and `size` fits both.
    let address = unsafe {
        std::ptr::copy_nonoverlapping((&raw const *storage).cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), size);
        SockAddr::new(copy.assume_init(), len)
    };
    address.as_socket().map(normalise)
}
