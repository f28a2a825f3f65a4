use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Which sites' pages may speak to this server from a browser.
#[derive(Clone, Debug)]
pub struct Origins {
    permitted: Vec<String>,
    /// Without a public address the server's own name is what the browser calls it, if that cannot be another site's.
    by_host: bool,
}

impl Origins {
    /// `public`: the server's own address as browsers see it, if it is known. `others`: further sites, `scheme://host[:port]`.
    pub fn new(public: Option<&str>, others: &[String]) -> Origins {
        let permitted = public.into_iter().chain(others.iter().map(String::as_str)).map(origin).collect();
        Origins { permitted, by_host: public.is_none() }
    }

    /// Browsers always send `Origin` with a POST and a WebSocket; programs that are not browsers gain nothing by leaving it out.
    pub fn permit(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.permitted.iter().any(|permitted| permitted == origin) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        self.by_host && host.is_some_and(|host| is_own_name(host) && authority(origin) == Some(host))
    }
}

/// `scheme://host[:port]` of an address.
fn origin(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

fn authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority)
}

/// A number or `localhost`: a name of another site's could be pointed at this machine (DNS rebinding).
fn is_own_name(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |it| it.0);
    name == "localhost" || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(public: Option<&str>, host: &str, origin: Option<&str>, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let origins = Origins::new(public, &["https://portal.example".into()]);
        assert_eq!(origins.permit(&headers), expected, "{public:?} {host} {origin:?}");
    }

    #[test]
    fn its_own_pages_may_speak_and_others_may_not() {
        check(None, "127.0.0.1:8080", Some("http://127.0.0.1:8080"), true);
        check(None, "localhost:8080", Some("http://localhost:8080"), true);
        check(None, "[::1]:8080", Some("http://[::1]:8080"), true);
        check(None, "127.0.0.1:8080", Some("http://127.0.0.1:9090"), false);
        check(None, "127.0.0.1:8080", Some("null"), false);
        check(None, "127.0.0.1:8080", None, true);
    }

    #[test]
    fn a_foreign_name_that_points_here_is_not_our_own() {
        check(None, "elsewhere.example:8080", Some("http://elsewhere.example:8080"), false);
    }

    #[test]
    fn a_public_address_and_the_listed_sites_are_all_there_is() {
        let public = Some("https://rooms.example/");
        check(public, "rooms.example", Some("https://rooms.example"), true);
        check(public, "rooms.example", Some("https://portal.example"), true);
        check(public, "rooms.example", Some("http://rooms.example"), false);
        check(public, "127.0.0.1:8080", Some("http://127.0.0.1:8080"), false);
    }
}
