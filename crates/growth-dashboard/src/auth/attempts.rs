//! How often somebody may try in vain.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use growth_http::Peer;

/// How many attempts may fail within the window.
const MOST: usize = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(10);
/// How many addresses are remembered; of more, those are let go that failed least and longest ago.
const ADDRESSES: usize = 10_000;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Failed attempts by address.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_address: Mutex<HashMap<IpAddr, Failed>>,
}

#[derive(Debug, Default)]
struct Failed {
    /// When, the earliest first; at most [`MOST`].
    at: Vec<DateTime<Utc>>,
    /// Whether it has been told that this address is refused.
    is_told: bool,
}

impl Failed {
    /// Forgets what is out of the window, and what a clock that was set back has not seen yet.
    fn forget(&mut self, now: DateTime<Utc>) {
        self.at.retain(|at| *at <= now && now - at < WINDOW);
        self.is_told &= self.at.len() >= MOST;
    }

    fn check(&mut self, now: DateTime<Utc>) -> Result<(), Limited> {
        self.forget(now);
        if self.at.len() < MOST {
            return Ok(());
        }
        let free_in = self.at.first().map_or(TimeDelta::zero(), |first| *first + WINDOW - now);
        let seconds = u64::try_from(free_in.num_seconds()).unwrap_or_default() + 1;
        let is_new = !std::mem::replace(&mut self.is_told, true);
        Err(Limited { seconds, is_new })
    }
}

/// Somebody has tried too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    /// For how long nothing is tried.
    pub(crate) seconds: u64,
    /// Whether this is the first time since then that it is told.
    pub(crate) is_new: bool,
}

impl Attempts {
    /// Whether an address may try.
    ///
    /// # Errors
    ///
    /// When it may try again.
    pub(crate) fn check(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), Limited> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        by_address.get_mut(&network(address)).map_or(Ok(()), |failed| failed.check(now))
    }

    /// Counts an attempt as failed, unless too many have.
    ///
    /// # Errors
    ///
    /// When the address may try again.
    pub(crate) fn begin(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), Limited> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if by_address.len() >= ADDRESSES && !by_address.contains_key(&address) {
            make_room(&mut by_address, now);
        }
        let failed = by_address.entry(address).or_default();
        failed.check(now)?;
        failed.at.push(now);
        Ok(())
    }

    /// Takes back that the attempt which began then failed.
    pub(crate) fn forgive(&self, address: IpAddr, began: DateTime<Utc>) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        let Some(failed) = by_address.get_mut(&address) else { return };
        if let Some(index) = failed.at.iter().rposition(|at| *at == began) {
            failed.at.remove(index);
        }
        if failed.at.is_empty() {
            by_address.remove(&address);
        }
    }
}

fn make_room(by_address: &mut HashMap<IpAddr, Failed>, now: DateTime<Utc>) {
    by_address.retain(|_, failed| {
        failed.forget(now);
        !failed.at.is_empty()
    });
    while by_address.len() >= ADDRESSES {
        let least = by_address.iter().min_by_key(|(_, failed)| (failed.at.len(), failed.at.last().copied()));
        let Some(least) = least.map(|(address, _)| *address) else { return };
        by_address.remove(&least);
    }
}

/// Whoever has one address of version 6 has all that begin alike.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Whose request it is: the other side of the connection, or whom the proxy there names.
pub(crate) fn address(headers: &HeaderMap, peer: Option<Peer>, behind_proxy: bool) -> IpAddr {
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip());
    let named = || {
        let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
        let last = last.rsplit(',').next()?.trim();
        let socket = || last.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
        last.trim_matches(['[', ']']).parse().ok().or_else(socket)
    };
    let address = if behind_proxy { named().unwrap_or(peer) } else { peer };
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ten_may_fail_in_ten_minutes() {
        let attempts = Attempts::default();
        let address = ip("192.0.2.1");
        for second in 0..10 {
            assert_eq!(attempts.check(address, at(second)), Ok(()));
            attempts.begin(address, at(second)).unwrap();
        }
        let limited = attempts.check(address, at(10)).unwrap_err();
        assert_eq!(limited, Limited { seconds: 591, is_new: true });
        assert!(!attempts.check(address, at(11)).unwrap_err().is_new);
        assert_eq!(attempts.check(ip("192.0.2.2"), at(11)), Ok(()));
        assert!(attempts.check(address, at(599)).is_err());
        assert_eq!(attempts.check(address, at(600)), Ok(()));
    }

    #[test]
    fn who_succeeds_is_forgiven_that_attempt_alone() {
        let attempts = Attempts::default();
        let address = ip("192.0.2.1");
        for _ in 0..9 {
            attempts.begin(address, at(0)).unwrap();
        }
        for second in 1..20 {
            attempts.begin(address, at(second)).unwrap();
            attempts.forgive(address, at(second));
        }
        attempts.begin(address, at(20)).unwrap();
        assert!(attempts.begin(address, at(21)).is_err());
    }

    #[test]
    fn a_network_of_version_6_is_one_address_and_a_mapped_one_is_that_of_version_4() {
        let attempts = Attempts::default();
        for last in 0..10 {
            attempts.begin(ip(&format!("2001:db8::{last}")), at(0)).unwrap();
            attempts.begin(ip("::ffff:192.0.2.1"), at(0)).unwrap();
        }
        assert!(attempts.check(ip("2001:db8::ffff:1"), at(1)).is_err());
        assert!(attempts.check(ip("2001:db8:0:1::1"), at(1)).is_ok());
        assert!(attempts.check(ip("192.0.2.1"), at(1)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_who_failed_most_is_kept() {
        let attempts = Attempts::default();
        let worst = ip("192.0.2.1");
        for _ in 0..10 {
            attempts.begin(worst, at(0)).unwrap();
        }
        for number in 0..10_050_u32 {
            attempts.begin(Ipv4Addr::from_bits(number).into(), at(1)).unwrap();
        }
        assert_eq!(attempts.by_address.lock().unwrap().len(), ADDRESSES);
        assert!(attempts.check(worst, at(2)).is_err());
    }

    #[test]
    fn a_proxy_is_believed_where_there_is_one() {
        let peer = Some(Peer("192.0.2.1:4000".parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, "203.0.113.9, 198.51.100.7".parse().unwrap());
        assert_eq!(address(&headers, peer, false), ip("192.0.2.1"));
        assert_eq!(address(&headers, peer, true), ip("198.51.100.7"));
        headers.append(FORWARDED_FOR, "[2001:db8::1]:443".parse().unwrap());
        assert_eq!(address(&headers, peer, true), ip("2001:db8::1"));
        headers.append(FORWARDED_FOR, "unknown".parse().unwrap());
        assert_eq!(address(&headers, peer, true), ip("192.0.2.1"));
    }
}
