//! Ports for servers that are stopped and started again.

use std::fs;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};

/// Where Linux begins to give ports to outgoing connections, unless it is told otherwise; others begin higher.
const OUTGOING: u16 = 32_768;
const FIRST: u16 = 10_000;

/// Finds a free port of 127.0.0.1 that no outgoing connection is given.
///
/// While a server is down, a client's connection could take any other port from it: even that of a client which tries
/// to reach the server, and so reaches itself.
pub(crate) fn free() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let range = quiet(fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().as_deref());
    let length = u32::from(range.end - range.start);
    // Tasks that run at the same time begin at different places.
    let from = std::process::id().wrapping_mul(97);
    for _ in 0..length {
        let step = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from(from.wrapping_add(step) % length).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", range.start + offset)).is_ok() {
            return Ok(range.start + offset);
        }
    }
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| Ok(listener.local_addr()?.port()))
        .context("no port is free")
}

/// Returns the ports below those of outgoing connections, where the system leaves any.
fn quiet(outgoing: Option<&str>) -> Range<u16> {
    let first = outgoing.and_then(|range| range.split_whitespace().next()?.parse().ok()).unwrap_or(OUTGOING);
    FIRST..first.max(FIRST)
}

#[cfg(test)]
mod tests {
    use super::{free, quiet};

    #[test]
    fn ports_are_free_and_differ() {
        assert_ne!(free().expect("a port"), free().expect("a port"));
    }

    #[test]
    fn ports_of_outgoing_connections_are_left_out() {
        assert_eq!(quiet(Some("32768\t60999\n")), 10_000..32_768);
        assert_eq!(quiet(None), 10_000..32_768);
        assert!(quiet(Some("1024\t65535\n")).is_empty());
    }
}
