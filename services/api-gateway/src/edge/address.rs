//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The network that limits count by: an IPv4 address, or the 64 bits of an IPv6 address that a client cannot choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// Of the client, as the outermost of `hops` proxies of ours saw it.
    ///
    /// Each proxy appends the address that it was called from. What stands further left was sent by the client, and may
    /// say anything. A request with fewer addresses than hops came by another way: there its peer counts.
    pub(crate) fn of(headers: &HeaderMap, peer: SocketAddr, hops: usize) -> Network {
        let forwarded = hops.checked_sub(1).and_then(|n| {
            let lists = headers.get_all(FORWARDED_FOR).into_iter().rev();
            let mut seen = lists.flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
            parse(str::from_utf8(seen.nth(n)?).ok()?.trim())
        });
        Network::containing(forwarded.unwrap_or(peer.ip()))
    }

    fn containing(address: IpAddr) -> Network {
        Network(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            v4 => v4,
        })
    }
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    alone
        .unwrap_or(text)
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(lists: &[&'static str], hops: usize) -> String {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(list));
        }
        let peer = "9.9.9.9:1".parse().unwrap();
        Network::of(&headers, peer, hops).0.to_string()
    }

    #[test]
    fn the_address_is_the_nth_from_the_right() {
        let lists = ["1.1.1.1, 2.2.2.2", "3.3.3.3"];
        for (hops, address) in [(0, "9.9.9.9"), (1, "3.3.3.3"), (2, "2.2.2.2"), (3, "1.1.1.1")] {
            assert_eq!(seen(&lists, hops), address, "{hops} hops");
        }
    }

    #[test]
    fn what_the_client_sent_along_changes_nothing() {
        for list in ["8.8.8.8, 3.3.3.3", "garbage,, 3.3.3.3", "3.3.3.3, 3.3.3.3"] {
            assert_eq!(seen(&[list], 1), "3.3.3.3");
            assert_eq!(seen(&[list], 0), "9.9.9.9");
        }
    }

    #[test]
    fn where_no_address_stands_the_peer_counts() {
        for lists in [&[][..], &["1.1.1.1"], &["unknown, 1.1.1.1"], &[", 1.1.1.1"]] {
            assert_eq!(seen(lists, 2), "9.9.9.9", "{lists:?}");
        }
    }

    #[test]
    fn a_port_behind_the_address_does_not_count() {
        assert_eq!(seen(&["3.3.3.3:4711"], 1), "3.3.3.3");
        assert_eq!(seen(&["[2001:db8::1]:4711"], 1), "2001:db8::");
        assert_eq!(seen(&["[2001:db8::1]"], 1), "2001:db8::");
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        assert_eq!(seen(&["2001:db8:0:1:a:b:c:d"], 1), seen(&["2001:db8:0:1::9"], 1));
        assert_ne!(seen(&["2001:db8:0:2::9"], 1), seen(&["2001:db8:0:1::9"], 1));
        assert_eq!(seen(&["::ffff:3.3.3.3"], 1), "3.3.3.3");
    }
}
