//! What a room sets, and the standing rooms that come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hearth_protocol::{Card, GroundRules};
use hearth_room::{Definition, Format, Policy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fault::{BadConfig, bad};
use crate::room_id::RoomId;

/// More seats than these need a format with an audience.
const GROUP_MAX: u32 = 50;
/// Whoever sits in a circle is not to be looked at by a crowd.
const OBSERVERS_MAX: u32 = 2;

/// A room's settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoomSettings {
    pub title: String,
    pub crisis_line: String,
    pub ground_rules: Rules,
    pub removal_card: RemovalCard,
    /// The name of a shipped format or of one in `formats`; or a TOML file.
    pub format: String,
    /// TOML files with the house's own formats, to change to in a session.
    pub formats: Vec<PathBuf>,
    /// The subjects who may come where the format asks for a list.
    pub roster: BTreeSet<String>,
    pub policy: Policy,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalCard {
    pub title: String,
    pub text: String,
    /// Whom to ask.
    pub contact: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub version: u32,
    pub rules: Vec<String>,
}

impl RoomSettings {
    pub(super) fn check(&self, name: &str) -> Result<(), BadConfig> {
        if !(1..=300).contains(&self.policy.capacity) {
            return Err(bad(&format!("{name}.policy.capacity"), "must be 1 to 300"));
        }
        if self.policy.observers_max > OBSERVERS_MAX {
            return Err(bad(&format!("{name}.policy.observers_max"), "must be 0 to 2"));
        }
        if self.policy.credit_percent > 100 {
            return Err(bad(&format!("{name}.policy.credit_percent"), "must be 0 to 100"));
        }
        if self.ground_rules.rules.is_empty() {
            return Err(bad(
                &format!("{name}.ground_rules.rules"),
                "must have at least one rule: everyone agrees to them at the door",
            ));
        }
        Ok(())
    }

    pub(super) fn define(self, name: &str) -> Result<Definition, BadConfig> {
        let setting = |part: &str| format!("{name}.{part}");
        let own = |file: &PathBuf| read(&setting("formats"), file);
        let formats: Vec<Format> = self.formats.iter().map(own).collect::<Result<_, _>>()?;
        let format = choose(&setting("format"), &self.format, &formats)?;
        if format.rules.roster_only && self.roster.is_empty() {
            return Err(bad(
                &setting("roster"),
                &format!("is empty, and the format `{}` lets nobody in but those on it", format.name),
            ));
        }
        if self.policy.capacity > GROUP_MAX && !format.rules.audience {
            let hint = format!(
                "is more than {GROUP_MAX}: only a format with an audience, like `psychoeducation`, takes so many"
            );
            return Err(bad(&setting("policy.capacity"), &hint));
        }
        let Rules { version, rules } = self.ground_rules;
        let hash = Sha256::digest(rules.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect();
        let RemovalCard { title, text, contact } = self.removal_card;
        Ok(Definition {
            removal_card: Card { title, text, crisis_line: self.crisis_line.clone(), contact },
            title: self.title,
            ground_rules: GroundRules { version, hash, rules },
            crisis_line: self.crisis_line,
            policy: self.policy,
            format,
            formats,
            roster: self.roster,
        })
    }
}

fn choose(setting: &str, chosen: &str, own: &[Format]) -> Result<Format, BadConfig> {
    if Path::new(chosen).extension().is_some_and(|end| end == "toml") {
        return read(setting, Path::new(chosen));
    }
    let named = own.iter().chain(Format::shipped()).find(|format| format.name == chosen);
    named.cloned().ok_or_else(|| {
        let names: Vec<&str> = Format::shipped().iter().map(|format| format.name.as_str()).collect();
        bad(
            setting,
            &format!(
                "is \"{chosen}\", and should be a TOML file, one of `formats`, or one of {}",
                names.join(", ")
            ),
        )
    })
}

fn read(setting: &str, file: &Path) -> Result<Format, BadConfig> {
    let shown = file.display();
    let toml = std::fs::read_to_string(file)
        .map_err(|error| bad(setting, &format!("names `{shown}`, which cannot be read: {error}")))?;
    Format::read(&toml)
        .map_err(|fault| bad(setting, &format!("names `{shown}`, which is no format: {fault}")))
}

/// The standing rooms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Definitions(Arc<BTreeMap<RoomId, Arc<Definition>>>);

impl Definitions {
    pub fn new(rooms: impl IntoIterator<Item = (RoomId, Definition)>) -> Definitions {
        Definitions(Arc::new(rooms.into_iter().map(|(id, definition)| (id, Arc::new(definition))).collect()))
    }

    pub fn find(&self, room: &RoomId) -> Option<Arc<Definition>> {
        self.0.get(room).cloned()
    }

    pub fn ids(&self) -> impl Iterator<Item = &RoomId> {
        self.0.keys()
    }
}
