//! The command line, and what its options mean as settings.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use figment::value::Value;
use hearth::config::Sources;
use hearth::{Grant, RoomId};
use hearth_protocol::{Role, Source};

#[derive(Debug, Parser)]
#[command(version, about, long_about = ABOUT, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: one room on this machine, with links that work at once
    #[command(long_about = DEV, after_help = DEV_EXAMPLES)]
    Dev {
        #[command(flatten)]
        settings: Settings,
        /// Print one line of JSON with the links, for programs, instead of words for people
        #[arg(long)]
        json: bool,
        /// How many members' links to print
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=49))]
        members: u8,
    },
    /// Run the rooms of a settings file
    #[command(long_about = SERVE, after_help = SERVE_EXAMPLES)]
    Serve {
        #[command(flatten)]
        settings: Settings,
    },
    /// Make a personal link into a room of a server that runs with the same settings
    #[command(after_help = LINK_EXAMPLES)]
    Link {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        person: Person,
    },
    /// Sign a ticket as a portal would, to try things out
    #[command(long_about = TICKET, after_help = TICKET_EXAMPLES)]
    Ticket {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        person: Person,
        /// Which of the keys in `tickets.keys` signs; the first, if none is named
        #[arg(long)]
        key: Option<String>,
        /// How long it is valid
        #[arg(long, default_value_t = 300)]
        seconds: u64,
    },
    /// Sign a revocation as a portal would: somebody may not be in a room any more
    #[command(long_about = REVOCATION, after_help = REVOCATION_EXAMPLES)]
    Revocation {
        #[command(flatten)]
        settings: Settings,
        /// The room's id
        #[arg(long)]
        room: RoomId,
        /// Whose tickets count no more
        #[arg(long)]
        subject: String,
        /// Which of the keys in `tickets.keys` signs; the first, if none is named
        #[arg(long)]
        key: Option<String>,
        /// How long it can be handed in; what it does lasts
        #[arg(long, default_value_t = 300)]
        seconds: u64,
    },
    /// Who was at a room's meetings, how long, and whether it counts
    #[command(long_about = ATTENDANCE, after_help = ATTENDANCE_EXAMPLES)]
    Attendance {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        wanted: Wanted,
        /// One session alone, by its id or the beginning of it
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// One line of CSV for each stay
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Prove that the record of acts of power is whole, or read it
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// List the formats that a room can have, print one, or check one of your own
    #[command(after_help = FORMATS_EXAMPLES)]
    Formats {
        #[command(subcommand)]
        what: Option<Formats>,
    },
    /// Print every setting in force and where it comes from, secrets hidden
    #[command(after_help = CONFIG_EXAMPLES)]
    Config {
        #[command(flatten)]
        settings: Settings,
        /// Print the defaults with their explanations instead, to start a file of your own from
        #[arg(long)]
        defaults: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Formats {
    /// Print one as TOML, to start one of your own from
    Show {
        /// As `hearth formats` lists it
        name: String,
    },
    /// Say whether a file is a format, and if not, in which line and column
    Check { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every room's chain; says where one breaks, and then fails
    #[command(long_about = VERIFY, after_help = VERIFY_EXAMPLES)]
    Verify {
        #[command(flatten)]
        settings: Settings,
        /// This room alone
        #[arg(long)]
        room: Option<RoomId>,
        /// The hash of a row that must be in the room's audit, as an earlier check printed it
        #[arg(long, requires = "room", value_name = "HASH")]
        head: Option<String>,
    },
    /// Print a room's audit, oldest first
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        wanted: Wanted,
    },
}

/// Of which room something is to be printed, and how.
#[derive(Debug, Args)]
pub struct Wanted {
    #[arg(long)]
    pub room: RoomId,
    /// Name this subject where it occurs; everybody else stays a pseudonym. May be repeated
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub subjects: Vec<String>,
    /// JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// What every command can set.
#[derive(Debug, Args)]
pub struct Settings {
    /// A settings file (TOML)
    #[arg(long, short, env = "HEARTH_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The port for pages and signalling; 0: any free one
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// The port for sound and pictures (UDP, and TCP of the same number); 0: any free one
    #[arg(long, value_name = "PORT")]
    media_port: Option<u16>,
    /// The address of this machine to listen on, for both
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
}

impl Settings {
    /// With room for so many members.
    pub fn sources_of_dev(self, members: u8) -> Sources {
        let mut sources = self.sources(true);
        if members > CAPACITY {
            sources.flags.push(("room.policy.capacity", Value::from(members)));
        }
        sources
    }

    pub fn sources(self, dev: bool) -> Sources {
        let ports = [("http.port", self.http_port), ("media.port", self.media_port)];
        let ports = ports.into_iter().filter_map(|(name, port)| Some((name, Value::from(port?))));
        let address = self.address.map(|address| Value::from(address.to_string()));
        let addresses =
            ["http.bind", "media.bind"].into_iter().filter_map(|name| Some((name, address.clone()?)));
        Sources { dev, file: self.config, flags: ports.chain(addresses).collect() }
    }
}

/// Of a room, unless it is set.
const CAPACITY: u8 = 12;

/// Whom a link or a ticket is for.
#[derive(Debug, Args)]
pub struct Person {
    /// The room's id
    #[arg(long)]
    room: RoomId,
    #[arg(long, value_enum, default_value_t = RoleName::Member)]
    role: RoleName,
    /// The name that others in the room see
    #[arg(long)]
    alias: String,
    /// The pseudonymous identity: the same one for the same person, whatever it is; a new one if none is given
    #[arg(long)]
    subject: Option<String>,
    /// Among facilitators, the lowest connected one leads
    #[arg(long, default_value_t = 100)]
    rank: u16,
    /// What may be sent; an observer sends nothing
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = SourceName::ALL)]
    publish: Vec<SourceName>,
    /// Pass the waiting room, where the room's policy allows it too
    #[arg(long)]
    open_admission: bool,
    /// For an interpreter: the subject of whom they speak for
    #[arg(long, value_name = "SUBJECT")]
    interprets: Option<String>,
    /// A credential, or in which capacity somebody listens; shown to everyone in the room
    #[arg(long, value_name = "WORDS")]
    title: Option<String>,
    /// A guardian has agreed: needed in a group of minors
    #[arg(long)]
    guardian_consent: bool,
}

impl From<Person> for Grant {
    fn from(person: Person) -> Grant {
        let role = person.role.into();
        let sends = role != Role::Observer;
        Grant {
            room: person.room,
            subject: person.subject.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            role,
            rank: person.rank,
            alias: person.alias,
            publish: if sends { person.publish.into_iter().map(Source::from).collect() } else { Vec::new() },
            open_admission: person.open_admission,
            interprets: person.interprets,
            title: person.title,
            guardian_consent: person.guardian_consent,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    Facilitator,
    Cofacilitator,
    PeerLead,
    Interpreter,
    Member,
    Observer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::Facilitator => Role::Facilitator,
            RoleName::Cofacilitator => Role::Cofacilitator,
            RoleName::PeerLead => Role::PeerLead,
            RoleName::Interpreter => Role::Interpreter,
            RoleName::Member => Role::Member,
            RoleName::Observer => Role::Observer,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceName {
    Microphone,
    Camera,
    Screen,
}

impl SourceName {
    const ALL: [SourceName; 3] = [SourceName::Microphone, SourceName::Camera, SourceName::Screen];
}

impl From<SourceName> for Source {
    fn from(name: SourceName) -> Source {
        match name {
            SourceName::Microphone => Source::Microphone,
            SourceName::Camera => Source::Camera,
            SourceName::Screen => Source::Screen,
        }
    }
}

const ABOUT: &str = "\
Hearth runs virtual group rooms for telehealth: group therapy and peer support in the browser. One server does the signalling \
and relays sound and pictures, so that what the facilitator decides (mute, turns, lock, freeze, removal) is enforced and not \
just asked for. Nothing is recorded.";

const EXAMPLES: &str = "\
Examples:
  hearth dev                      one room on this machine, and links to try it with
  hearth config --defaults        every setting, explained
  hearth serve -c hearth.toml     the rooms of a settings file
  hearth help ticket              how a portal lets people in";

const DEV: &str = "\
Starts a server on this machine alone, with one room, and prints one facilitator's link and members' links, four unless \
more are asked for. They work at \
once in a browser on this machine; each belongs to the browser that opens it first, until the session ends. Then fresh links \
are printed. Everything is kept in a temporary file that goes with the program. Ctrl-C says goodbye to the room and ends it.";

const DEV_EXAMPLES: &str = "\
Examples:
  hearth dev
  hearth dev --members 11                      a full group
  hearth dev --http-port 0 --media-port 0      on any free ports
  hearth dev --address 192.168.1.20            for other devices too; browsers there give no camera without https
  HEARTH_ROOM__POLICY__CAPACITY=4 hearth dev   with a setting of your own";

const SERVE: &str = "\
Runs the rooms of a settings file. Put a proxy with a certificate in front of the HTTP port (browsers give a page camera and \
microphone only over https), and let the media port through, UDP and TCP. Ctrl-C or SIGTERM says goodbye to the rooms; sessions \
are woken again at the next start. SIGHUP reads the rooms anew from the file: running meetings go on under what has changed, and \
whoever is in one is asked to agree to new ground rules within three minutes. All other settings wait for the next start.";

const SERVE_EXAMPLES: &str = "\
Examples:
  hearth config --defaults > hearth.toml       a file to start from: name a room, a key, the public address
  hearth serve -c hearth.toml
  hearth link -c hearth.toml --room k3v9 --role facilitator --alias Maple";

const LINK_EXAMPLES: &str = "\
Examples:
  hearth link -c hearth.toml --room k3v9 --alias River
  hearth link -c hearth.toml --room k3v9 --alias Maple --role facilitator --rank 1 --title LCSW

The link stands for one person, belongs to the browser that opens it first, and ends with the session. Send it to nobody else.";

const TICKET: &str = "\
A ticket opens the door of one room, once, for one person, for some minutes. A portal signs it: a JWT with HS256 whose header \
names the key (kid) and whose claims are iss, aud, sub, jti, nbf, exp, room, role, alias, and if granted rank, publish, \
admission, interprets, title and guardian_consent. What it does not say is denied. The ticket goes into the first frame on the WebSocket at /v1/room/ROOM.";

const TICKET_EXAMPLES: &str = "\
Examples:
  hearth ticket -c hearth.toml --room k3v9 --alias River --subject 7f3c
  hearth ticket -c hearth.toml --room k3v9 --alias Maple --role facilitator --key portal --seconds 60";

const REVOCATION: &str = "\
A revocation takes back all that was signed for somebody: who is inside is removed at once, with the same last card as by a \
facilitator, and nobody of that subject is let in again in this session, nor in one that begins within 12 hours. A portal signs it \
with the key that signs its tickets: a JWT with HS256 whose header names the key (kid) and whose claims are iss, aud, nbf, exp, room \
and revokes (the subject). It is handed in as the body of a POST to /v1/revocations; 204 says that it is done and recorded.";

const REVOCATION_EXAMPLES: &str = "\
Examples:
  hearth revocation -c hearth.toml --room k3v9 --subject 7f3c | curl --data-binary @- https://rooms.example/v1/revocations";

const ATTENDANCE: &str = "\
Prints each meeting of a room: who was there by role, how long, in the group or alone with a facilitator, with how many, and \
whether it is credited by the room's rule (`credit_minutes` and `credit_percent` of its policy). Freezes, breaks and asides \
count, waiting does not, a gap of up to two minutes is none. People are pseudonyms; name those whom you look for with --subject. \
What facilitators attested or corrected stands beside what was kept, never in its place.";

const ATTENDANCE_EXAMPLES: &str = "\
Examples:
  hearth attendance -c hearth.toml --room k3v9
  hearth attendance -c hearth.toml --room k3v9 --subject 7f3c --subject 11ab
  hearth attendance -c hearth.toml --room k3v9 --session 5d1e --csv";

const VERIFY: &str = "\
Each row of a room's audit holds the hash of the row before it, and the store keeps the hash of the last one in a second place. \
This computes them all anew and says where they do not fit: a row that was changed, taken out, moved or added, or an end that was \
cut off. Whoever can write to the store's file could write all of it anew; so note the hash that is printed somewhere else, and \
ask for it later with --head: then nothing up to there can have been touched. Fails with code 1 if anything does not hold.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  hearth audit verify -c hearth.toml
  hearth audit verify -c hearth.toml --room k3v9 --head 9f86d081884c7d65...";

const SHOW_EXAMPLES: &str = "\
Examples:
  hearth audit show -c hearth.toml --room k3v9
  hearth audit show -c hearth.toml --room k3v9 --subject 7f3c --json";

const FORMATS_EXAMPLES: &str = "\
Examples:
  hearth formats                               those that come with the program
  hearth formats show cbt > our_cbt.toml       a file to start from
  hearth formats check our_cbt.toml";

const CONFIG_EXAMPLES: &str = "\
Examples:
  hearth config                                what is in force without a file
  hearth config -c hearth.toml                 with one
  hearth config --defaults > hearth.toml       a file to start from";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
