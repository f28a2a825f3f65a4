//! Who takes part: people with tickets, and the connections and secrets that they hold.

use hearth_protocol::{Role, Secret, Source};
use hearth_room::{Claims, ConnectionId, Fresh, SecretHash};

use crate::chance::Chance;

#[derive(Clone, Debug)]
pub struct Person {
    pub subject: String,
    pub role: Role,
    pub rank: u16,
    pub alias: String,
    pub publish: Vec<Source>,
    pub open_admission: bool,
    pub interprets: Option<String>,
    pub title: Option<String>,
    pub guardian_consent: bool,
    pub tickets: Vec<Claims>,
    /// As they were received.
    pub secrets: Vec<SecretHash>,
    /// Live ones.
    pub connections: Vec<ConnectionId>,
}

const ROLES: [Role; 11] = [
    Role::Facilitator,
    Role::Cofacilitator,
    Role::Facilitator,
    Role::Member,
    Role::Member,
    Role::Member,
    Role::Member,
    Role::PeerLead,
    Role::Interpreter,
    Role::Observer,
    Role::Observer,
];

/// Some look alike, some are not fit to be shown.
const ALIASES: [&str; 11] = [
    "Heron",
    "Larch",
    "Facilitator",
    "Willow",
    "willow",
    "Wi\u{202e}llow",
    "",
    "Facilitator",
    "Ωmega",
    "Willow",
    "A very long alias that goes on and on",
];

const TITLES: [Option<&str>; 4] = [None, Some(""), Some("  trainee,   listening "), Some("LPC")];

pub fn cast(chance: &mut Chance) -> Vec<Person> {
    let publish: [&[Source]; 3] = [
        &[Source::Microphone, Source::Camera, Source::Screen],
        &[Source::Microphone, Source::Camera],
        &[Source::Microphone],
    ];
    let person = |at: usize, chance: &mut Chance| Person {
        subject: format!("subject-{at}"),
        role: ROLES[at],
        rank: u16::try_from(chance.below(3)).expect("below 3"),
        alias: ALIASES[at].to_owned(),
        publish: chance.pick(&publish).expect("there are three").to_vec(),
        open_admission: chance.one_in(3),
        interprets: (ROLES[at] == Role::Interpreter && !chance.one_in(3)).then(|| "subject-3".to_owned()),
        title: TITLES[chance.below(4) as usize].map(str::to_owned),
        guardian_consent: !chance.one_in(6),
        tickets: Vec::new(),
        secrets: Vec::new(),
        connections: Vec::new(),
    };
    (0..ROLES.len()).map(|at| person(at, chance)).collect()
}

impl Person {
    /// A ticket never shown before; once in a while one of another role.
    pub fn new_ticket(&mut self, now: u32, chance: &mut Chance) -> Claims {
        let role = if chance.one_in(40) { *chance.pick(&ROLES).expect("there are roles") } else { self.role };
        let claims = Claims {
            issuer: "clinic".to_owned(),
            ticket: format!("{}-{}", self.subject, self.tickets.len()),
            expires: now + 1 + chance.below(600_000),
            subject: self.subject.clone(),
            role,
            rank: self.rank,
            alias: self.alias.clone(),
            publish: self.publish.clone(),
            open_admission: self.open_admission,
            interprets: self.interprets.clone(),
            title: self.title.clone(),
            guardian_consent: self.guardian_consent,
        };
        self.tickets.push(claims.clone());
        claims
    }
}

/// The n-th secret of a meeting. What it hashes to is as good as any other 256 bits here.
pub fn fresh(number: u64) -> Fresh {
    let mut hash = [0; 32];
    // Numbers of messages are made of the first bytes: they are to differ as those of real secrets do.
    hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Fresh { secret: Secret(format!("secret-{number}")), hash: SecretHash(hash) }
}

pub fn hash_of(secret: &Secret) -> Option<SecretHash> {
    let number = secret.0.strip_prefix("secret-")?.parse().ok()?;
    Some(fresh(number).hash)
}
