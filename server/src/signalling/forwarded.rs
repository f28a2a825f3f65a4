use std::{net::IpAddr, sync::Arc};

use axum::http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word on a client's address counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    pub fn new(networks: &[IpNet]) -> Proxies {
        Proxies(networks.into())
    }

    /// From where a request truly comes: each proxy adds to the right whom it heard from, so the first from there that is no proxy of
    /// ours. What stands further left anybody may have written.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let said = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or_default().split(','));
        let said: Vec<&str> = said.collect();
        let mut client = peer.to_canonical();
        for before in said.iter().rev() {
            let Some(before) = before.trim().parse::<IpAddr>().ok().filter(|_| self.are(client)) else {
                break;
            };
            client = before.to_canonical();
        }
        client
    }

    fn are(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, said: &[&str], expected: &str) {
        let proxies =
            Proxies::new(&["10.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network")));
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append(FORWARDED_FOR, value.parse().expect("a header's value"));
        }
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(proxies.client(address(peer), &headers), address(expected), "{peer} {said:?}");
    }

    #[test]
    fn a_proxys_word_counts_and_nobody_elses() {
        check("10.0.0.1", &["192.0.2.7"], "192.0.2.7");
        check("::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7");
        check("198.51.100.1", &["192.0.2.7"], "198.51.100.1");
        check("10.0.0.1", &["203.0.113.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7");
        check("10.0.0.1", &["203.0.113.9", "192.0.2.7"], "192.0.2.7");
    }

    #[test]
    fn a_proxy_that_says_nothing_readable_is_the_client() {
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["192.0.2.7, unknown"], "10.0.0.1");
        check("::1", &["10.0.0.2"], "10.0.0.2");
    }
}
