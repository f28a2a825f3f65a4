//! What is measured: each takes the same people with the same media.

mod hearth;
mod janus;
pub mod limit;

use std::{fmt, time::Duration};

use clap::ValueEnum;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

pub use hearth::{Hearth, name as room_name, open};

use self::{
    janus::{Janus, Session},
    limit::Limit,
};
use crate::{
    Fallible,
    client::{Client, Connected},
    crowd::Crowd,
    process::Process,
    scenario::Scenario,
    signalling::Line,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Opens once, seals for each listener, sends: no relay can do with less
    Limit,
    /// The same without joined messages: each datagram is one of its own
    Apart,
    /// This project's server
    Hearth,
    /// Janus and its video room, from Debian's packages
    Janus,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Which::Limit => "limit",
            Which::Apart => "apart",
            Which::Hearth => "hearth",
            Which::Janus => "janus",
        })
    }
}

/// A running relay, and what has to stay open for its people.
#[derive(Debug)]
pub enum Relay {
    Limit(Limit),
    Hearth(Box<Hearth>, Vec<(u32, Line)>),
    Janus(Janus, Vec<Session>),
}

/// Nothing that works takes so long.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

impl Relay {
    pub async fn start(which: Which, scenario: &Scenario) -> Fallible<Relay> {
        Ok(match which {
            Which::Limit => Relay::Limit(Limit::start(false)?),
            Which::Apart => Relay::Limit(Limit::start(true)?),
            Which::Hearth => Relay::Hearth(Box::new(Hearth::start(scenario.rooms, scenario.people)?), vec![]),
            Which::Janus => Relay::Janus(Janus::start(scenario.rooms, scenario.people).await?, vec![]),
        })
    }

    pub fn process(&self) -> &Process {
        match self {
            Relay::Limit(limit) => &limit.process,
            Relay::Hearth(hearth, _) => &hearth.process,
            Relay::Janus(janus, _) => &janus.process,
        }
    }

    /// Seats everyone, so many at a time, and returns when all have walked ICE and DTLS.
    pub async fn seat(&mut self, scenario: &Scenario, crowd: &Crowd, at_once: usize) -> Fallible<()> {
        let seats =
            || (0..scenario.people).flat_map(|seat| (0..scenario.rooms).map(move |room| (room, seat)));
        let number = |room: usize, seat: usize| (seat * scenario.rooms + room) as u32;
        let mut waiting = vec![];
        match self {
            Relay::Limit(limit) => {
                for (room, seat) in seats() {
                    admit(
                        crowd,
                        limit.join(number(room, seat), (room, seat), &scenario.shape(seat))?,
                        &mut waiting,
                    );
                }
                limit.settle(scenario)?;
            }
            Relay::Hearth(hearth, lines) => {
                // Facilitators first: the others come to somebody who is there.
                let (first, rest): (Vec<_>, Vec<_>) = seats().partition(|(_, seat)| *seat == 0);
                for group in [first, rest] {
                    let joining = group.into_iter().map(async |(room, seat)| -> Fallible<_> {
                        let number = number(room, seat);
                        let (client, line) = hearth.join(number, room, seat, &scenario.shape(seat)).await?;
                        let connected = client.connected();
                        crowd.join(client);
                        until_connected(&[connected]).await?;
                        Ok((number, line))
                    });
                    let joined: Vec<_> =
                        stream::iter(joining).buffer_unordered(at_once).try_collect().await?;
                    lines.extend(joined);
                }
            }
            Relay::Janus(janus, sessions) => {
                let mut people = vec![];
                for (room, seat) in seats() {
                    let number = number(room, seat);
                    let (client, session) =
                        janus.publish(number, (room, seat), &scenario.shape(seat)).await?;
                    if let Some(client) = client {
                        admit(crowd, client, &mut waiting);
                        until_connected(&waiting[waiting.len() - 1..]).await?;
                    }
                    people.push((number, room, seat, session));
                }
                for (number, room, seat, mut session) in people {
                    if let Some(client) =
                        janus.subscribe(number, (room, seat), scenario, &mut session).await?
                    {
                        admit(crowd, client, &mut waiting);
                        until_connected(&waiting[waiting.len() - 1..]).await?;
                    }
                    sessions.push(session);
                }
            }
        }
        until_connected(&waiting).await
    }

    /// Everyone unmutes.
    pub async fn open(&self, scenario: &Scenario) -> Fallible<()> {
        if let Relay::Hearth(_, lines) = self {
            for (number, line) in lines {
                let seat = *number as usize / scenario.rooms;
                hearth::open(line, &scenario.shape(seat)).await?;
                if scenario.simulcast {
                    hearth::view(line, scenario, seat).await?;
                }
            }
        }
        Ok(())
    }
}

fn admit(crowd: &Crowd, client: Client, waiting: &mut Vec<Connected>) {
    waiting.push(client.connected());
    crowd.join(client);
}

/// Until they have walked ICE and DTLS.
pub async fn until_connected(clients: &[Connected]) -> Fallible<()> {
    let all = async {
        while !clients.iter().all(Connected::is) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(CONNECTED_WITHIN, all).await.map_err(|_| {
        let missing = clients.iter().filter(|client| !client.is()).count();
        format!("{missing} of {} clients did not connect", clients.len()).into()
    })
}
