//! Where a browser wants its media.
//!
//! ICE alone keeps to its first pair although the browser has moved on (a NAT that gave it another port, a phone that left its WLAN).
//! A check that nominates says where to; but some browsers nominate every pair that they check, so another path than the present one
//! has to be confirmed: by a fresh packet from there, or by the present one's silence.
//!
//! Whoever is on the way can send a browser's own packets once more from elsewhere, authentic in every bit. So a check that came
//! before nominates nobody, wherever it came first, and media that came before confirms nothing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    demux::{Path, Via},
    guard::{Reject, Transaction},
    pace::Pace,
};

/// A path without a fresh packet for so long has lost to one that is checked.
const SILENT: Duration = Duration::from_millis(500);
/// Checks may come from so many addresses at once, then from one more in this time: ICE remembers each, and checks it in turn.
const ADDRESSES_MAX: usize = 64;
const ADDRESS_EVERY: Duration = Duration::from_secs(30);
/// Checks that are known again: those of about twenty minutes, as browsers check a pair every 2.5 s.
const CHECKS_MAX: usize = 512;

#[derive(Debug, Default)]
pub struct Route {
    present: Option<(Path, Instant)>,
    other: Option<Other>,
    /// Addresses that checks came from; when there are too many, from the first one on again.
    known: Vec<Path>,
    next: usize,
    fresh: Option<Pace>,
    /// The beginnings of their transactions, and which known address each came from first. Newest last.
    checks: VecDeque<(u32, u8)>,
    has_media: bool,
}

/// Nominated too, and not confirmed; or the one before the present one.
#[derive(Debug)]
struct Other {
    path: Path,
    by: Option<u32>,
}

impl Route {
    pub fn nominated(&self) -> Option<Path> {
        self.present.map(|(path, _)| path)
    }

    /// An authentic check from there. True: media went elsewhere before. The other side can sign checks in any address's name.
    pub fn check(
        &mut self,
        path: Path,
        transaction: Transaction,
        nominates: bool,
        now: Instant,
    ) -> Result<bool, Reject> {
        let [a, b, c, d, ..] = transaction;
        let check = u32::from_be_bytes([a, b, c, d]);
        let came = self.checks.iter().find(|(known, _)| *known == check);
        let came_from = came.and_then(|(_, from)| self.known.get(usize::from(*from))).copied();
        // While a connection is made there is nothing to take away, and a browser may have to try again.
        let is_copy = self.has_media && came_from.is_some_and(|from| from != path);
        if is_copy {
            // Which of the two is the browser's own nobody knows.
            self.other.take_if(|other| other.by == Some(check));
            if self.nominated() != Some(path) {
                return Err(Reject::CopiedCheck);
            }
        }
        let from = self.admit(path, now).ok_or(Reject::TooManyAddresses)?;
        if came_from.is_none() {
            if self.checks.len() == CHECKS_MAX {
                self.checks.pop_front();
            }
            self.checks.push_back((check, from));
        }
        Ok(nominates && self.nominate(path, check, now))
    }

    /// A datagram of the handshake, before there is anything else. True: it goes elsewhere from now on.
    pub fn handshake(&mut self, path: Path, now: Instant) -> bool {
        !self.has_media && self.confirm(path, now)
    }

    /// An authentic packet that was not here before, and the newest of its stream. True: media went elsewhere before.
    pub fn fresh(&mut self, path: Path, now: Instant) -> bool {
        self.has_media = true;
        self.confirm(path, now)
    }

    /// Its place among the known addresses. None: it is one too many.
    fn admit(&mut self, path: Path, now: Instant) -> Option<u8> {
        if let Some(at) = self.known.iter().position(|known| *known == path) {
            return Some(at as u8);
        }
        let fresh = self.fresh.get_or_insert_with(|| Pace::new(ADDRESSES_MAX as u32, ADDRESS_EVERY, now));
        if !fresh.take(now) {
            return None;
        }
        let at = self.next;
        match self.known.get_mut(at) {
            Some(oldest) => *oldest = path,
            None => self.known.push(path),
        }
        self.next = (at + 1) % ADDRESSES_MAX;
        Some(at as u8)
    }

    fn nominate(&mut self, path: Path, check: u32, now: Instant) -> bool {
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
        self.other = Some(Other { path, by: Some(check) });
        false
    }

    fn confirm(&mut self, path: Path, now: Instant) -> bool {
        match &mut self.present {
            Some((present, heard)) if *present == path => {
                *heard = now;
                false
            }
            Some(_) if self.other.as_ref().is_some_and(|other| other.path == path) => self.move_to(path, now),
            Some(_) | None => false,
        }
    }

    /// The path before may win back: if the browser still sends there, its next fresh packet shows it.
    fn move_to(&mut self, path: Path, now: Instant) -> bool {
        let before = self.present.replace((path, now));
        self.other = before.map(|(path, _)| Other { path, by: None });
        before.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::*;

    const HOME: Path = path(Via::Udp, 1);
    const ELSEWHERE: Path = path(Via::Udp, 2);
    const COPIER: Path = path(Via::Udp, 3);

    const fn path(via: Via, port: u16) -> Path {
        Path { via, remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port) }
    }

    /// A route, the time, and a check for each number.
    struct Tried {
        route: Route,
        now: Instant,
    }

    impl Tried {
        fn new() -> Tried {
            Tried { route: Route::default(), now: Instant::now() }
        }

        /// Where media goes after this check that nominates.
        fn check(&mut self, path: Path, number: u32) -> Result<Option<Path>, Reject> {
            let before = self.route.nominated();
            let mut transaction = [7; 12];
            transaction[..4].copy_from_slice(&number.to_be_bytes());
            let moved = self.route.check(path, transaction, true, self.now)?;
            assert_eq!(moved, before.is_some() && before != self.route.nominated());
            Ok(self.route.nominated())
        }

        fn fresh(&mut self, path: Path) -> Option<Path> {
            self.route.fresh(path, self.now);
            self.route.nominated()
        }
    }

    #[test]
    fn a_browser_that_nominates_every_pair_is_answered_where_it_sends() {
        let (udp, tcp) = (path(Via::Udp, 1), path(Via::Tcp, 2));
        let mut tried = Tried::new();
        assert_eq!(tried.check(tcp, 1), Ok(Some(tcp)));
        assert_eq!(tried.check(udp, 2), Ok(Some(udp)));
        assert_eq!(tried.check(tcp, 3), Ok(Some(udp)));
        assert_eq!(tried.fresh(udp), Some(udp));
        assert_eq!(tried.fresh(tcp), Some(tcp));
        assert_eq!(tried.fresh(udp), Some(udp), "and back");
    }

    #[test]
    fn a_handshake_is_answered_where_it_comes_from_until_there_is_media() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.check(ELSEWHERE, 1), Ok(Some(HOME)), "the same check over another pair");
        assert!(tried.route.handshake(ELSEWHERE, tried.now));
        assert_eq!(tried.fresh(ELSEWHERE), Some(ELSEWHERE));
        assert_eq!(tried.check(HOME, 2), Ok(Some(ELSEWHERE)));
        assert!(!tried.route.handshake(HOME, tried.now), "a copy of what was said long ago");
    }

    #[test]
    fn checks_from_a_thousand_addresses_are_not_all_believed() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        let mut check = |port: u16| tried.check(path(Via::Udp, port), port.into());
        assert_eq!((2..1_000).filter(|port| check(*port).is_ok()).count(), ADDRESSES_MAX - 1);
        assert_eq!(tried.check(HOME, 1_000), Ok(Some(HOME)), "who was there goes on");
        tried.now += ADDRESS_EVERY;
        assert!(tried.check(path(Via::Udp, 2_000), 2_000).is_ok());
        assert_eq!(tried.route.known.len(), ADDRESSES_MAX);
    }

    #[test]
    fn a_new_port_takes_over_when_the_old_one_is_silent() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.fresh(ELSEWHERE), Some(HOME), "not checked");
        tried.now += SILENT;
        assert_eq!(tried.check(ELSEWHERE, 2), Ok(Some(HOME)));
        tried.now += Duration::from_millis(1);
        assert_eq!(tried.check(ELSEWHERE, 3), Ok(Some(ELSEWHERE)));
    }

    #[test]
    fn a_copied_check_moves_nothing_however_silent_it_is() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.fresh(HOME), Some(HOME));
        assert_eq!(tried.check(COPIER, 1), Err(Reject::CopiedCheck));
        assert_eq!(tried.fresh(COPIER), Some(HOME));
        tried.now += SILENT * 4;
        assert_eq!(tried.check(COPIER, 1), Err(Reject::CopiedCheck));
        assert_eq!(tried.route.nominated(), Some(HOME));
    }

    #[test]
    fn a_check_whose_copy_came_first_nominates_nobody() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.fresh(HOME), Some(HOME));
        assert_eq!(tried.check(COPIER, 2), Ok(Some(HOME)));
        assert_eq!(tried.check(HOME, 2), Ok(Some(HOME)));
        assert_eq!(tried.fresh(COPIER), Some(HOME));
    }

    #[test]
    fn whoever_won_every_race_loses_to_the_next_packet() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.fresh(HOME), Some(HOME));
        assert_eq!(tried.check(COPIER, 2), Ok(Some(HOME)));
        assert_eq!(tried.fresh(COPIER), Some(COPIER), "nobody could tell");
        assert_eq!(tried.fresh(HOME), Some(HOME));
    }

    #[test]
    fn a_check_that_is_sent_again_is_no_copy() {
        let mut tried = Tried::new();
        assert_eq!(tried.check(HOME, 1), Ok(Some(HOME)));
        assert_eq!(tried.fresh(HOME), Some(HOME));
        for _ in 0..3 {
            assert_eq!(tried.check(ELSEWHERE, 2), Ok(Some(HOME)));
        }
        assert_eq!(tried.fresh(ELSEWHERE), Some(ELSEWHERE));
    }

    #[test]
    fn no_more_checks_are_remembered_than_there_is_room_for() {
        let mut tried = Tried::new();
        for number in 0..2_000 {
            assert_eq!(tried.check(HOME, number), Ok(Some(HOME)));
        }
        assert_eq!(tried.route.checks.len(), CHECKS_MAX);
    }
}
