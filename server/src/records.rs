//! What the store keeps, printed: the audit and its proof, and attendance.

use std::collections::BTreeMap;
use std::io::{self, Write};

use hearth::RoomId;
use hearth::config::{BadConfig, Config, Sources};
use hearth::store::{AuditRow, Audited, KeptSession, KeptStay, Pseudonym, Store};
use hearth_room::{Kind, Policy};
use serde_json::{Value, json};

use crate::Failure;
use crate::cli::Wanted;

/// Says of each room whether its audit is whole.
pub async fn verify(sources: &Sources, room: Option<RoomId>, head: Option<&str>) -> Result<(), Failure> {
    let store = open(&Config::load(sources)?).await?;
    let head = head.map(|head| unhex(head).ok_or("--head takes the 64 digits that an earlier check printed"));
    let head = head.transpose()?;
    let rooms = match room {
        Some(room) => vec![room],
        None => store.audited_rooms().await?,
    };
    let (mut out, mut broken) = (io::stdout().lock(), 0);
    for room in &rooms {
        match store.verify_audit(room, head.as_deref()).await? {
            Ok(Audited { rows, head }) => writeln!(out, "{room}: whole, {rows} rows, head {}", hex(&head))?,
            Err(how) => {
                broken += 1;
                writeln!(out, "{room}: BROKEN: {how}")?;
            }
        }
    }
    if broken > 0 {
        return Err(format!("{broken} of {} audits are not what was written", rooms.len()).into());
    }
    Ok(())
}

pub async fn show(sources: &Sources, wanted: &Wanted) -> Result<(), Failure> {
    let store = open(&Config::load(sources)?).await?;
    let names = Names::find(&store, wanted).await?;
    let mut out = io::stdout().lock();
    for row in store.audit(&wanted.room).await? {
        let at = store.date(row.written_ms).await?;
        let (actor, subject) = (names.of(row.actor.as_ref()), names.of(row.subject.as_ref()));
        let AuditRow { sequence, session, clock_ms, act, detail, .. } = row;
        if wanted.json {
            let detail: Value = serde_json::from_str(&detail)?;
            let session = session.0.to_string();
            writeln!(
                out,
                "{}",
                json!({
                    "sequence": sequence, "at": at, "session": session, "clock_ms": clock_ms,
                    "actor": actor, "act": act, "subject": subject, "detail": detail,
                })
            )?;
        } else {
            let (actor, subject) = (actor.unwrap_or("the room"), subject.unwrap_or_default());
            let detail = if detail == "{}" { "" } else { &detail };
            let line = format!("{sequence:>6}  {at}  {actor:<32}  {act:<18} {subject} {detail}");
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    Ok(())
}

pub async fn attendance(
    sources: &Sources,
    wanted: &Wanted,
    session: Option<&str>,
    csv: bool,
) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    let store = open(&config).await?;
    let names = Names::find(&store, wanted).await?;
    // A room that is in no settings any more is counted by the rule for all.
    let policy =
        config.definitions()?.find(&wanted.room).map_or(config.room.policy, |room| room.policy.clone());
    let mut sessions = store.attendance(&wanted.room).await?;
    if let Some(beginning) = session {
        sessions.retain(|one| one.session.0.to_string().starts_with(beginning));
        if sessions.is_empty() {
            return Err(format!("no session of this room begins with `{beginning}`").into());
        }
    }
    let mut out = io::stdout().lock();
    if csv {
        writeln!(out, "session,person,role,kind,began,from_ms,to_ms,minutes,facilitators,members,open")?;
    }
    for session in &sessions {
        let people = people(session, &policy);
        if csv {
            print_csv(&mut out, &store, &names, session).await?;
        } else if wanted.json {
            writeln!(out, "{}", as_json(&store, &names, session, &people).await?)?;
        } else {
            print_words(&mut out, &store, &names, session, &people).await?;
        }
    }
    Ok(())
}

/// One person at one meeting, all stays together.
struct Person<'a> {
    pseudonym: &'a Pseudonym,
    role: String,
    group_ms: u32,
    individual_ms: u32,
    /// By the last correction.
    corrected_minutes: Option<u32>,
    credited: bool,
}

fn people<'a>(session: &'a KeptSession, policy: &Policy) -> Vec<Person<'a>> {
    let mut people: Vec<Person> = Vec::new();
    let all = session.stays.iter().map(|stay| (&stay.person, word(&stay.role)));
    let corrected = session.corrected.iter().map(|one| (&one.person, String::new()));
    for (pseudonym, role) in all.chain(corrected) {
        match people.iter_mut().find(|known| known.pseudonym == pseudonym) {
            Some(known) => {
                if !role.is_empty() {
                    known.role = role;
                }
            }
            None => people.push(Person {
                pseudonym,
                role,
                group_ms: 0,
                individual_ms: 0,
                corrected_minutes: None,
                credited: false,
            }),
        }
    }
    for person in &mut people {
        for stay in session.stays.iter().filter(|stay| stay.person == *person.pseudonym) {
            let sum = match stay.kind {
                Kind::Group => &mut person.group_ms,
                Kind::Individual => &mut person.individual_ms,
            };
            *sum = sum.saturating_add(stay.to_ms.saturating_sub(stay.from_ms));
        }
        let mut corrections = session.corrected.iter().filter(|one| one.person == *person.pseudonym);
        person.corrected_minutes = corrections.next_back().map(|one| one.minutes);
        let attended = match person.corrected_minutes {
            Some(minutes) => minutes.saturating_mul(60_000),
            None => person.group_ms.saturating_add(person.individual_ms),
        };
        person.credited = policy.credits(attended, session.length_ms);
    }
    people
}

async fn print_words(
    out: &mut impl Write,
    store: &Store,
    names: &Names,
    session: &KeptSession,
    people: &[Person<'_>],
) -> Result<(), Failure> {
    let began = store.date(session.began_ms).await?;
    let state = if session.ended { "" } else { ", not over" };
    writeln!(out, "session {}  {began}  {} min{state}", session.session.0, minutes(session.length_ms))?;
    for person in people {
        let name = names.name(person.pseudonym);
        let (group, alone) = (minutes(person.group_ms), minutes(person.individual_ms));
        let corrected = person.corrected_minutes.map(|minutes| format!(", corrected to {minutes} min"));
        let credited = if person.credited { "credited" } else { "not credited" };
        let corrected = corrected.unwrap_or_default();
        writeln!(
            out,
            "  {name:<32}  {:<13} {group:>4} min group {alone:>4} min alone  {credited}{corrected}",
            person.role
        )?;
    }
    for one in &session.corrected {
        let (at, name, by) =
            (store.date(one.written_ms).await?, names.name(&one.person), names.name(&one.by));
        writeln!(out, "  corrected {at} by {by}: {name} {} min, {}", one.minutes, one.note)?;
    }
    for one in &session.attested {
        writeln!(out, "  attested {} by {}", store.date(one.written_ms).await?, names.name(&one.by))?;
    }
    Ok(())
}

async fn print_csv(
    out: &mut impl Write,
    store: &Store,
    names: &Names,
    session: &KeptSession,
) -> Result<(), Failure> {
    for stay in &session.stays {
        let KeptStay { person, role, kind, began_ms, from_ms, to_ms, facilitators, members, open } = stay;
        let (id, began) = (session.session.0, store.date(*began_ms).await?);
        // Whoever is named came from the command line: quoted, so that no name is a column.
        let name = names.name(person).replace('"', "\"\"");
        let minutes = minutes(to_ms.saturating_sub(*from_ms));
        let (role, kind) = (word(role), word(kind));
        writeln!(
            out,
            "{id},\"{name}\",{role},{kind},{began},{from_ms},{to_ms},{minutes},{facilitators},{members},{open}"
        )?;
    }
    Ok(())
}

async fn as_json(
    store: &Store,
    names: &Names,
    session: &KeptSession,
    people: &[Person<'_>],
) -> Result<Value, Failure> {
    let people: Vec<Value> = (people.iter())
        .map(|one| {
            json!({
                "person": names.name(one.pseudonym), "role": one.role, "group_ms": one.group_ms,
                "individual_ms": one.individual_ms, "corrected_minutes": one.corrected_minutes,
                "credited": one.credited,
            })
        })
        .collect();
    let stays: Vec<Value> = (session.stays.iter())
        .map(|stay| {
            json!({
                "person": names.name(&stay.person), "role": stay.role, "kind": stay.kind,
                "from_ms": stay.from_ms, "to_ms": stay.to_ms, "facilitators": stay.facilitators,
                "members": stay.members, "open": stay.open,
            })
        })
        .collect();
    let mut corrected = Vec::new();
    for one in &session.corrected {
        corrected.push(json!({
            "person": names.name(&one.person), "by": names.name(&one.by), "minutes": one.minutes,
            "note": one.note, "at": store.date(one.written_ms).await?,
        }));
    }
    let mut attested = Vec::new();
    for one in &session.attested {
        attested.push(json!({ "by": names.name(&one.by), "at": store.date(one.written_ms).await? }));
    }
    Ok(json!({
        "session": session.session.0.to_string(), "began": store.date(session.began_ms).await?,
        "length_ms": session.length_ms, "ended": session.ended,
        "people": people, "stays": stays, "corrected": corrected, "attested": attested,
    }))
}

/// Whom the command line names.
struct Names(BTreeMap<String, String>);

impl Names {
    async fn find(store: &Store, wanted: &Wanted) -> Result<Names, Failure> {
        let mut names = BTreeMap::new();
        for subject in &wanted.subjects {
            if let Some(pseudonym) = store.pseudonym(&wanted.room, subject).await? {
                names.insert(pseudonym.0, subject.clone());
            }
        }
        Ok(Names(names))
    }

    fn name<'a>(&'a self, of: &'a Pseudonym) -> &'a str {
        self.0.get(&of.0).unwrap_or(&of.0)
    }

    fn of<'a>(&'a self, of: Option<&'a Pseudonym>) -> Option<&'a str> {
        of.map(|of| self.name(of))
    }
}

/// The store of these settings, which has to be there.
async fn open(config: &Config) -> Result<Store, Failure> {
    let path = &config.store.path;
    if path.as_os_str().is_empty() {
        return Err(BadConfig::of("store.path", "is empty: a temporary store keeps nothing").into());
    }
    match Store::open_existing(path).await {
        Ok(store) => Ok(store),
        Err(fault) => {
            let hint =
                format!("`{}` cannot be opened ({fault}): is it the store of a server?", path.display());
            Err(BadConfig::of("store.path", &hint).into())
        }
    }
}

fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn minutes(ms: u32) -> u32 {
    ms / 60_000
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    bytes.filter(|bytes| bytes.len() == 32)
}
