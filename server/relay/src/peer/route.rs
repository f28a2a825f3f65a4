//! Where a browser wants its media.
//!
//! The stack alone keeps to its first pair although the browser has moved on (a NAT that gave it another port, a phone that left its
//! WLAN). A check that nominates says where to; but some browsers nominate every pair that they check, so another path than the
//! present one has to be confirmed: by media from there, or by the present one's silence.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    demux::{Path, Via},
    pace::Pace,
};

/// A path without a datagram for so long has lost to one that is checked.
const SILENT: Duration = Duration::from_millis(500);
/// Checks may come from so many addresses at once, then from one more in this time: the stack remembers each, and checks it in turn.
const ADDRESSES_MAX: usize = 64;
const ADDRESS_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Route {
    present: Option<(Path, Instant)>,
    /// Nominated too, and not confirmed.
    other: Option<Path>,
    /// Newest last.
    known: VecDeque<Path>,
    fresh: Option<Pace>,
}

impl Route {
    pub fn nominated(&self) -> Option<Path> {
        self.present.map(|(path, _)| path)
    }

    /// Whether an authentic check from there may count. The other side can sign checks in any address's name.
    pub fn admits(&mut self, path: Path, now: Instant) -> bool {
        if self.known.contains(&path) {
            return true;
        }
        let fresh = self.fresh.get_or_insert_with(|| Pace::new(ADDRESSES_MAX as u32, ADDRESS_EVERY, now));
        if !fresh.take(now) {
            return false;
        }
        if self.known.len() == ADDRESSES_MAX {
            self.known.pop_front();
        }
        self.known.push_back(path);
        true
    }

    /// An authentic check from there that nominates. True: media went elsewhere before.
    pub fn check(&mut self, path: Path, now: Instant) -> bool {
        let Some((present, heard)) = &mut self.present else {
            self.present = Some((path, now));
            return false;
        };
        if *present == path {
            *heard = now;
            return false;
        }
        let is_silent = now.saturating_duration_since(*heard) > SILENT;
        let is_better = present.via == Via::Tcp && path.via == Via::Udp;
        if is_silent || is_better {
            return self.move_to(path, now);
        }
        self.other = Some(path);
        false
    }

    /// Anything else from a path that passed a check. True: media went elsewhere before.
    pub fn media(&mut self, path: Path, now: Instant) -> bool {
        match &mut self.present {
            Some((present, heard)) if *present == path => {
                *heard = now;
                false
            }
            Some(_) if self.other == Some(path) => self.move_to(path, now),
            Some(_) | None => false,
        }
    }

    fn move_to(&mut self, path: Path, now: Instant) -> bool {
        self.other = None;
        self.present.replace((path, now)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn path(via: Via, port: u16) -> Path {
        Path { via, remote: SocketAddr::from(([192, 0, 2, 1], port)) }
    }

    #[test]
    fn a_browser_that_nominates_every_pair_is_answered_where_it_sends() {
        let now = Instant::now();
        let (udp, tcp) = (path(Via::Udp, 1), path(Via::Tcp, 2));
        let mut route = Route::default();
        assert!(!route.check(tcp, now));
        assert!(route.check(udp, now));
        assert!(!route.check(tcp, now));
        assert!(!route.media(udp, now));
        assert_eq!(route.nominated(), Some(udp));
        assert!(route.media(tcp, now));
        assert_eq!(route.nominated(), Some(tcp));
    }

    #[test]
    fn checks_from_a_thousand_addresses_are_not_all_believed() {
        let now = Instant::now();
        let mut route = Route::default();
        assert!(route.admits(path(Via::Udp, 1), now));
        let admitted = (2..1_000).filter(|port| route.admits(path(Via::Udp, *port), now)).count();
        assert_eq!(admitted, ADDRESSES_MAX - 1);
        assert!(route.admits(path(Via::Udp, 1), now), "who was there goes on");
        assert!(route.admits(path(Via::Udp, 2_000), now + ADDRESS_EVERY));
    }

    #[test]
    fn a_new_port_takes_over_when_the_old_one_is_silent() {
        let now = Instant::now();
        let (before, after) = (path(Via::Udp, 1), path(Via::Udp, 2));
        let mut route = Route::default();
        route.check(before, now);
        assert!(!route.media(after, now), "not checked");
        assert!(!route.check(after, now + SILENT));
        assert!(route.check(after, now + SILENT + Duration::from_millis(1)));
        assert_eq!(route.nominated(), Some(after));
    }
}
