//! Which site a request is of, and which names are this machine's own.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

const FETCH_SITE: &str = "sec-fetch-site";
const FETCH_DEST: &str = "sec-fetch-dest";
const PURPOSE: &str = "sec-purpose";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Whether a page of another site sent a request, as far as the browser tells.
pub(crate) fn is_other(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(FETCH_SITE).iter();
    if sites.any(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.any(|origin| {
        let same = origin.to_str().ok().and_then(|origin| is_origin_of(origin, headers));
        same != Some(true)
    })
}

/// Whether somebody goes to a page, as far as the browser tells: neither a part of another page nor one that is looked at
/// in advance.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get(FETCH_DEST).is_none_or(|dest| dest == "document") && !headers.contains_key(PURPOSE)
}

fn is_origin_of(origin: &str, headers: &HeaderMap) -> Option<bool> {
    let origin: Uri = origin.parse().ok()?;
    let usual = match origin.scheme_str()? {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = host(headers)?;
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    let from = origin.authority()?;
    Some(from.host().eq_ignore_ascii_case(host.host()) && port(from) == port(&host))
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

/// Whether cookies have to be kept for TLS: everywhere but on this machine itself.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    let is_https = headers
        .get(FORWARDED_PROTO)
        .is_some_and(|proto| proto.to_str().is_ok_and(|proto| proto.trim().eq_ignore_ascii_case("https")));
    is_https || !host(headers).is_some_and(|host| is_loopback(host.host()))
}

/// The port of this server, as the browser names it.
pub(crate) fn port(headers: &HeaderMap) -> Option<u16> {
    host(headers)?.port_u16()
}

/// Whether a name is one of this machine's own.
pub(crate) fn is_loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn other_sites_are_known_by_what_browsers_send() {
        for (given, other) in [
            (&[("host", "a.example")][..], false),
            (&[("host", "a.example"), ("sec-fetch-site", "same-origin")], false),
            (&[("host", "a.example"), ("sec-fetch-site", "none")], false),
            (&[("host", "a.example"), ("sec-fetch-site", "same-site")], true),
            (&[("host", "a.example"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "a.example"), ("origin", "https://A.example")], false),
            (&[("host", "a.example:443"), ("origin", "https://a.example")], false),
            (&[("host", "a.example:8443"), ("origin", "https://a.example")], true),
            (&[("host", "[::1]:4243"), ("origin", "http://[::1]:4243")], false),
            (&[("host", "a.example"), ("origin", "https://b.example")], true),
            (&[("host", "a.example"), ("origin", "https://a.example.b.example")], true),
            (&[("host", "a.example"), ("origin", "null")], true),
            (&[("host", "a.example"), ("origin", "")], true),
            (&[("origin", "https://a.example")], true),
        ] {
            assert_eq!(is_other(&headers(given)), other, "{given:?}");
        }
    }

    #[test]
    fn only_whoever_goes_to_a_page_follows_a_link() {
        for (given, follows) in [
            (&[][..], true),
            (&[("sec-fetch-dest", "document"), ("sec-fetch-site", "none")], true),
            (&[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-dest", "image"), ("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-dest", "empty")], false),
            (&[("sec-fetch-dest", "document"), ("sec-purpose", "prefetch;prerender")], false),
        ] {
            assert_eq!(is_navigation(&headers(given)), follows, "{given:?}");
        }
    }

    #[test]
    fn only_this_machine_goes_without_tls() {
        for (given, secure) in [
            (&[("host", "localhost:4243")][..], false),
            (&[("host", "LOCALHOST")], false),
            (&[("host", "127.9.9.9:1")], false),
            (&[("host", "[::1]:4243")], false),
            (&[("host", "localhost"), ("x-forwarded-proto", "https")], true),
            (&[("host", "localhost.example.com")], true),
            (&[("host", "127.0.0.1.example.com")], true),
            (&[("host", "10.0.0.1")], true),
            (&[], true),
        ] {
            assert_eq!(is_secure(&headers(given)), secure, "{given:?}");
        }
    }
}
