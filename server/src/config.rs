//! All settings: defaults that are part of the program, then a file, then the environment, then the command line.
//!
//! Read as text, converted once into [`Config`]. What does not fit is one clear line that names the setting.

mod fault;
mod rooms;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::auth::{Key, Keyring, Tickets};
use crate::origin::Origins;
use crate::room_id::RoomId;

pub use fault::BadConfig;
use fault::{bad, explain, source};
pub use rooms::{Definitions, RemovalCard, RoomSettings, Rules};

/// The defaults, with comments: what `hearth config --defaults` prints.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: Http,
    pub media: Media,
    pub store: Storage,
    pub tickets: Ticketing,
    pub metrics: Metrics,
    pub log: Log,
    pub room: RoomSettings,
    /// What a room sets anew, by id.
    #[serde(default)]
    pub rooms: BTreeMap<String, Dict>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub bind: IpAddr,
    pub port: u16,
    pub public_url: String,
    pub origins: Vec<String>,
    pub connections_max: usize,
    pub proxies: Vec<IpNet>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    pub bind: IpAddr,
    pub port: u16,
    pub workers: usize,
    pub advertised: Vec<IpAddr>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Empty: a temporary file.
    pub path: PathBuf,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ticketing {
    pub audience: String,
    pub skew_seconds: u64,
    pub lifetime_seconds_max: u64,
    #[serde(default)]
    pub keys: BTreeMap<String, KeySettings>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    pub issuer: String,
    /// 32 bytes or more, base64url.
    pub secret: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub token: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// What the command line sets, by the names of the settings.
pub type Flags = Vec<(&'static str, Value)>;

/// Where settings come from, besides the defaults and the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `hearth dev`: everything in a temporary file, and one room.
    pub dev: bool,
    /// Must exist if it is given.
    pub file: Option<PathBuf>,
    pub flags: Flags,
}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub name: String,
    /// As one writes it in a file; a secret is hidden.
    pub value: String,
    pub from: String,
}

impl Config {
    pub fn load(sources: &Sources) -> Result<Config, BadConfig> {
        Self::extract(&sources.figment()?)
    }

    /// Every setting in force, and where it comes from.
    pub fn effective(sources: &Sources) -> Result<Vec<Effective>, BadConfig> {
        let figment = sources.figment()?;
        Self::extract(&figment)?;
        let all: Value = figment.extract().map_err(|error| explain(&error))?;
        let mut settings = Vec::new();
        list(&figment, "", &all, &mut settings);
        Ok(settings)
    }

    /// On this machine, all ports chosen by the system, everything in a temporary file, one room `hearth`.
    pub fn for_tests() -> Config {
        let mut config = Self::extract(&defaults()).expect("the defaults are checked by a test");
        config.http.port = 0;
        config.media.port = 0;
        config.store.path = PathBuf::new();
        config.metrics.token = "dev".into();
        config.rooms.insert("hearth".into(), Dict::new());
        config
    }

    fn extract(figment: &Figment) -> Result<Config, BadConfig> {
        let config: Config = figment.extract().map_err(|error| explain(&error))?;
        config.check()?;
        Ok(config)
    }

    pub fn definitions(&self) -> Result<Definitions, BadConfig> {
        let mut rooms = Vec::new();
        for (id, own) in &self.rooms {
            let name = format!("rooms.{id}");
            let id = RoomId::parse(id)
                .ok_or_else(|| bad(&name, "a room's id is 1 to 64 letters, digits, `-` or `_`"))?;
            let settings: RoomSettings = Figment::from(Serialized::defaults(&self.room))
                .merge(Serialized::defaults(own))
                .extract()
                .map_err(|mut error| {
                    error.path.splice(0..0, ["rooms".into(), id.to_string()]);
                    explain(&error)
                })?;
            settings.check(&name)?;
            rooms.push((id, settings.define(&name)?));
        }
        Ok(Definitions::new(rooms))
    }

    pub fn keyring(&self) -> Result<Keyring, BadConfig> {
        let mut keys = Keyring::default();
        for (name, settings) in &self.tickets.keys {
            let setting = format!("tickets.keys.{name}.secret");
            let hint = "must be 32 bytes or more in base64url; `head -c 32 /dev/urandom | basenc --base64url` makes one";
            keys.insert(
                name,
                Key::new(&settings.issuer, &settings.secret).ok_or_else(|| bad(&setting, hint))?,
            );
        }
        Ok(keys)
    }

    pub fn ticketing(&self) -> Tickets {
        Tickets {
            audience: self.tickets.audience.clone(),
            skew: Duration::from_secs(self.tickets.skew_seconds),
            lifetime_max: Duration::from_secs(self.tickets.lifetime_seconds_max),
        }
    }

    pub fn origins(&self) -> Origins {
        let public = &self.http.public_url;
        Origins::new((!public.is_empty()).then_some(public.as_str()), &self.http.origins)
    }

    fn check(&self) -> Result<(), BadConfig> {
        let urls = self.http.origins.iter().map(|origin| ("http.origins", origin.as_str()));
        let public = Some(("http.public_url", self.http.public_url.as_str())).filter(|it| !it.1.is_empty());
        for (name, url) in urls.chain(public) {
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(bad(
                    name,
                    &format!("\"{url}\" is no address: write it like https://rooms.example.org"),
                ));
            }
        }
        if self.media.bind.is_unspecified() && self.media.advertised.is_empty() {
            let hint = "must name the addresses that browsers reach this machine by, because `media.bind` is every address";
            return Err(bad("media.advertised", hint));
        }
        if !(1..=64).contains(&self.media.workers) {
            return Err(bad("media.workers", "must be 1 to 64"));
        }
        if self.tickets.lifetime_seconds_max > 24 * 3600 {
            return Err(bad(
                "tickets.lifetime_seconds_max",
                "must not be more than a day: a spent ticket has to be remembered",
            ));
        }
        if self.tickets.keys.contains_key(crate::LINK_KEY) {
            return Err(bad(
                &format!("tickets.keys.{}", crate::LINK_KEY),
                "is a reserved name: choose another",
            ));
        }
        self.room.check("room")?;
        self.definitions()?;
        self.keyring()?;
        Ok(())
    }
}

impl std::fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySettings").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Sources {
    fn figment(&self) -> Result<Figment, BadConfig> {
        let mut figment = defaults();
        if self.dev {
            let own = [
                ("store.path", ""),
                ("log.filter", "warn"),
                ("metrics.token", "dev"),
                ("rooms.hearth.title", "Evening group"),
            ];
            // Defaults of its own, which everything else wins over.
            figment = own
                .into_iter()
                .fold(figment, |figment, (name, value)| figment.merge(Serialized::default(name, value)));
        }
        if let Some(file) = &self.file {
            if !file.is_file() {
                return Err(BadConfig(format!(
                    "there is no settings file `{}`: check --config",
                    file.display()
                )));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        // One word after the prefix is no setting: HEARTH_CONFIG names the file.
        let environment = Env::prefixed(PREFIX).filter(|name| name.as_str().contains("__")).split("__");
        figment = figment.merge(environment);
        Ok(self
            .flags
            .iter()
            .fold(figment, |figment, (name, value)| figment.merge(Serialized::global(name, value))))
    }
}

const PREFIX: &str = "HEARTH_";

fn defaults() -> Figment {
    Figment::from(Toml::string(DEFAULTS))
}

fn list(figment: &Figment, name: &str, value: &Value, settings: &mut Vec<Effective>) {
    if let Some(section) = value.as_dict() {
        for (key, value) in section {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            list(figment, &name, value, settings);
        }
        return;
    }
    let hidden = name.ends_with(".secret") || name.ends_with(".token");
    let value_text = match serde_json::to_string(value) {
        Ok(_) if hidden && value.as_str() != Some("") => "\"(hidden)\"".into(),
        Ok(text) => text,
        Err(_) => String::new(),
    };
    let from = figment.find_metadata(name).map_or("default".into(), |metadata| source(metadata, name));
    settings.push(Effective { name: name.to_owned(), value: value_text, from });
}

#[cfg(test)]
mod tests {
    use hearth_room::Policy;

    use super::*;

    fn load(flags: Flags) -> Result<Config, BadConfig> {
        Config::load(&Sources { flags, ..Sources::default() })
    }

    fn check_bad(name: &'static str, value: impl Into<Value>, expected: &str) {
        let line = load(vec![(name, value.into())]).unwrap_err().to_string();
        assert!(line.contains(expected), "{line}");
        assert!(line.contains(name.rsplit('.').next().unwrap()), "names the setting: {line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn the_defaults_are_good() {
        let config = load(Vec::new()).unwrap();
        assert_eq!(config.room.policy, Policy::default());
        assert!(config.rooms.is_empty());
    }

    #[test]
    fn a_bad_setting_gives_one_line_that_names_it() {
        check_bad("http.bind", "here", "IP address");
        check_bad("http.prot", 1, "does not exist");
        check_bad("media.port", 70_000, "70000, and should be a whole number from 0 to 65535");
        check_bad("media.bind", "0.0.0.0", "media.advertised");
        check_bad("http.public_url", "rooms.example", "https://");
        check_bad("rooms.a.policy.capacity", 0, "rooms.a.policy.capacity");
        check_bad("rooms.a.policy.capacty", 0, "does not exist");
        check_bad("tickets.lifetime_seconds_max", 1_000_000, "a day");
        let key =
            Value::from(Dict::from([("issuer".into(), "me".into()), ("secret".into(), "short".into())]));
        let line = load(vec![("tickets.keys.portal", key)]).unwrap_err().to_string();
        assert!(line.contains("tickets.keys.portal.secret") && !line.contains("short"), "{line}");
    }

    #[test]
    fn a_file_wins_over_what_a_server_to_try_out_starts_from() {
        let file = std::env::temp_dir().join(format!("hearth-{}.toml", uuid::Uuid::new_v4()));
        std::fs::write(&file, "[store]\npath = \"kept.sqlite\"\n").unwrap();
        let loaded = |file| Config::load(&Sources { dev: true, file, ..Sources::default() }).unwrap();
        assert_eq!(loaded(Some(file.clone())).store.path, PathBuf::from("kept.sqlite"));
        assert_eq!(loaded(None).store.path, PathBuf::new());
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_room_sets_anew_what_it_names_and_keeps_the_rest() {
        let config =
            load(vec![("rooms.k3v9.policy.capacity", 8.into()), ("rooms.k3v9.title", "Tuesday".into())])
                .unwrap();
        let room = config.definitions().unwrap().find(&RoomId::parse("k3v9").unwrap()).unwrap();
        assert_eq!((room.title.as_str(), room.policy.capacity), ("Tuesday", 8));
        assert_eq!(room.policy.grace_ms, Policy::default().grace_ms);
        assert_eq!(room.ground_rules.rules, config.room.ground_rules.rules);
    }

    fn definition(flags: Flags) -> Result<hearth_room::Definition, BadConfig> {
        let found = load(flags)?.definitions()?.find(&RoomId::parse("k3v9").unwrap());
        Ok((*found.expect("it is set")).clone())
    }

    #[test]
    fn a_room_is_of_the_format_that_it_names() {
        let named = |name: &'static str| definition(vec![("rooms.k3v9.format", name.into())]);
        assert_eq!(named("cbt").unwrap().format.name, "cbt");
        assert_eq!(definition(vec![("rooms.k3v9.title", "A".into())]).unwrap().format.name, "support_circle");
        check_bad("rooms.k3v9.format", "jazz", "check_in");
        check_bad("rooms.k3v9.format", "nowhere.toml", "cannot be read");
        check_bad("rooms.k3v9.policy.capacity", 51, "audience");
        let audience =
            vec![("rooms.k3v9.format", "psychoeducation".into()), ("rooms.k3v9.policy.capacity", 300.into())];
        assert_eq!(definition(audience).unwrap().policy.capacity, 300);
        let line = named("restricted").unwrap_err().to_string();
        assert!(line.contains("rooms.k3v9.roster"), "{line}");
        let listed: Flags = vec![
            ("rooms.k3v9.format", "restricted".into()),
            ("rooms.k3v9.roster", Value::from(vec!["7f3c", "91ab"])),
        ];
        assert_eq!(definition(listed).unwrap().roster.len(), 2);
    }

    #[test]
    fn a_format_in_a_file_is_read_and_one_that_does_not_fit_says_where() {
        let path = std::env::temp_dir().join(format!("hearth-format-{}.toml", std::process::id()));
        let file = path.to_str().unwrap().to_owned();
        let load = |toml: &str| {
            std::fs::write(&path, toml).unwrap();
            definition(vec![("rooms.k3v9.format", file.clone().into())])
        };
        let own = hearth_room::Format::default().write().replace("support_circle", "our_own");
        assert_eq!(load(&own).unwrap().format.name, "our_own");
        let line = load("name = \"a\"\ncolour = 1").unwrap_err().to_string();
        assert!(line.contains("Line 2, column 1") && !line.contains('\n'), "{line}");
        std::fs::write(&path, &own).unwrap();
        let house: Flags = vec![
            ("rooms.k3v9.formats", Value::from(vec![file.clone()])),
            ("rooms.k3v9.format", "our_own".into()),
        ];
        assert_eq!(definition(house).unwrap().formats.len(), 1);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn secrets_are_hidden_and_sources_are_named() {
        let flags = vec![("metrics.token", "tell-nobody".into()), ("media.port", 9000.into())];
        let settings = Config::effective(&Sources { flags, ..Sources::default() }).unwrap();
        let find = |name: &str| settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(find("metrics.token").value, "\"(hidden)\"");
        assert_eq!(
            (find("media.port").value.as_str(), find("media.port").from.as_str()),
            ("9000", "command line")
        );
        assert_eq!(find("media.workers").from, "default");
    }
}
