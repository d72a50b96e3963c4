//! Which IP addresses belong to the public internet. Everything else stays unreachable for registered endpoints unless the
//! operator admits the range.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IPv4 ranges that are no public hosts, with the word for the message.
const IPV4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "unspecified"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local or metadata"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "reserved"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Global unicast, the only part of IPv6 that holds public hosts.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Ranges inside [`GLOBAL_UNICAST`] that are no public hosts.
const IPV6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 0, 23), "reserved or Teredo"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

/// NAT64 prefix under which a resolver shows public IPv4 hosts to an IPv6-only subnet (RFC 6052).
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// Addresses that stay closed even inside an admitted range: the instance and container credential services.
const NEVER: &[(&str, u8)] = &[("169.254.0.0", 16), ("fe80::", 10), ("fd00:ec2::", 32)];

/// Why a connection to `address` is refused, or `None` when it may be made. `allowed` are the operator's ranges.
pub(super) fn refusal(address: IpAddr, allowed: &[IpNet]) -> Option<&'static str> {
    let address = embedded_ipv4(address).map_or(address, IpAddr::V4);
    if is_never(address) {
        return Some("link-local or metadata");
    }
    if admitted(address, allowed) {
        return None;
    }
    match address {
        IpAddr::V4(ip) => IPV4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, word)| *word),
        IpAddr::V6(ip) if !GLOBAL_UNICAST.contains(&ip) => Some("not a public IPv6"),
        IpAddr::V6(ip) => IPV6.iter().find(|(net, _)| net.contains(&ip)).map(|(_, word)| *word),
    }
}

/// Whether `address` lies in one of the operator's ranges and is not one of those that stay closed.
pub(super) fn admitted(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = embedded_ipv4(address).map_or(address, IpAddr::V4);
    !is_never(address) && allowed.iter().any(|net| net.contains(&address))
}

fn is_never(address: IpAddr) -> bool {
    NEVER.iter().any(|(base, prefix)| {
        base.parse().ok().and_then(|base| IpNet::new(base, *prefix).ok()).is_some_and(|net| net.contains(&address))
    })
}

/// The IPv4 address that a connection to an IPv6 address really reaches: IPv4-mapped, IPv4-compatible and NAT64.
fn embedded_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = address else { return None };
    let [.., a, b, c, d] = ip.octets();
    let low = Ipv4Addr::new(a, b, c, d);
    let mapped = ip.to_ipv4_mapped().is_some();
    // `::` and `::1` are IPv6's own.
    let compatible = ip.segments().iter().take(6).all(|part| *part == 0) && u32::from(low) > 1;
    (mapped || compatible || NAT64.contains(&ip)).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<IpNet> = allowed.iter().map(|net| net.parse().unwrap()).collect();
        refusal(address.parse().unwrap(), &allowed).is_some()
    }

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(refused(address, &[]), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_not() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "52.95.110.1",
            "2600:1f18::1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(!refused(address, &[]), "{address}");
        }
    }

    #[test]
    fn an_admitted_range_opens_itself_and_nothing_else() {
        assert!(!refused("10.1.2.3", &["10.1.0.0/16"]));
        assert!(!refused("::ffff:10.1.2.3", &["10.1.0.0/16"]));
        assert!(refused("10.2.2.3", &["10.1.0.0/16"]));
        assert!(!refused("fd12::1", &["fd12::/16"]));
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::1"] {
            assert!(refused(address, &["0.0.0.0/0", "::/0"]), "{address}");
        }
    }
}
