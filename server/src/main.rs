mod cli;
mod dev;
mod formats;
mod records;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hearth::auth::{Key, Keyring, Revocation};
use hearth::config::{BadConfig, Config, DEFAULTS, Sources};
use hearth::store::Store;
use hearth::{Grant, RoomId, Server, auth, server, telemetry};
use tokio::signal::unix::{SignalKind, signal};

use cli::{Audit, Cli, Command};

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let outcome = runtime.block_on(run(command));
    // Nothing that is left may hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// One line for people; the program's own words already say what to do.
type Failure = Box<dyn std::error::Error>;

fn fail(error: &Failure) -> ExitCode {
    eprintln!("hearth: {error}");
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev { settings, json, members } => {
            dev::run(&settings.sources_of_dev(members), json, members.into()).await
        }
        Command::Serve { settings } => serve(&settings.sources(false)).await,
        Command::Link { settings, person } => link(&settings.sources(false), &person.into()).await,
        Command::Ticket { settings, person, key, seconds } => {
            ticket(&settings.sources(false), &person.into(), key.as_deref(), Duration::from_secs(seconds))
        }
        Command::Revocation { settings, room, subject, key, seconds } => {
            let revocation = Revocation { room, subject };
            revoke(&settings.sources(false), &revocation, key.as_deref(), Duration::from_secs(seconds))
        }
        Command::Attendance { settings, wanted, session, csv } => {
            records::attendance(&settings.sources(false), &wanted, session.as_deref(), csv).await
        }
        Command::Audit { command: Audit::Verify { settings, room, head } } => {
            records::verify(&settings.sources(false), room, head.as_deref()).await
        }
        Command::Audit { command: Audit::Show { settings, wanted } } => {
            records::show(&settings.sources(false), &wanted).await
        }
        Command::Formats { what } => formats::run(what),
        Command::Config { defaults: true, .. } => Ok(write!(io::stdout(), "{DEFAULTS}")?),
        Command::Config { settings, defaults: false } => config(&settings.sources(false)),
    }
}

async fn serve(sources: &Sources) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    telemetry::start(&config.log)?;
    if config.rooms.is_empty() {
        let hint =
            "has no room: add `[rooms.SOME-ID]` to a settings file, and see `hearth config --defaults`";
        return Err(BadConfig::of("rooms", hint).into());
    }
    let goodbye = Goodbye::listen()?;
    let mut hangups = signal(SignalKind::hangup())?;
    let server = Server::start(config).await?;
    tracing::info!(url = server.base_url(), media = ?server.media_addresses(), "the rooms are open");
    let reread = async {
        while hangups.recv().await.is_some() {
            redefine(&server, sources).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = goodbye.come() => {}
        () = reread => {}
    }
    tracing::info!("saying goodbye");
    server.stop().await;
    Ok(())
}

/// A file that does not fit changes nothing.
async fn redefine(server: &Server, sources: &Sources) {
    let redefined = match Config::load(sources) {
        Ok(config) => server.redefine(&config).await,
        Err(error) => Err(error),
    };
    match redefined {
        Ok(()) => tracing::info!("the rooms are as the settings have them now"),
        Err(error) => tracing::error!(%error, "the rooms stay as they were"),
    }
}

async fn link(sources: &Sources, grant: &Grant) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    known_room(&config, &grant.room)?;
    if config.store.path.as_os_str().is_empty() {
        return Err(BadConfig::of("store.path", "is empty: links are handed over in the store's file").into());
    }
    let store = Store::open(&config.store.path).await?;
    let secret = auth::issue(&store, grant).await?;
    writeln!(io::stdout(), "{}", server::link_url(&server::base_url(&config), &secret))?;
    Ok(())
}

fn ticket(sources: &Sources, grant: &Grant, key: Option<&str>, lifetime: Duration) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    known_room(&config, &grant.room)?;
    let keys = config.keyring()?;
    let (name, key) = signing(&keys, key)?;
    writeln!(io::stdout(), "{}", config.ticketing().mint(name, key, grant, lifetime))?;
    Ok(())
}

fn revoke(
    sources: &Sources,
    revocation: &Revocation,
    key: Option<&str>,
    lifetime: Duration,
) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    known_room(&config, &revocation.room)?;
    let keys = config.keyring()?;
    let (name, key) = signing(&keys, key)?;
    writeln!(io::stdout(), "{}", config.ticketing().revoke(name, key, revocation, lifetime))?;
    Ok(())
}

/// The key of this name, or the first.
fn signing<'k>(keys: &'k Keyring, name: Option<&'k str>) -> Result<(&'k str, &'k Key), BadConfig> {
    let found = match name {
        Some(name) => keys.get(name).map(|key| (name, key)),
        None => keys.first(),
    };
    let hint = "has no such key to sign with: add one as `hearth config --defaults` shows";
    found.ok_or_else(|| BadConfig::of("tickets.keys", hint))
}

fn config(sources: &Sources) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for setting in Config::effective(sources)? {
        writeln!(out, "{} = {}  # {}", setting.name, setting.value, setting.from)?;
    }
    Ok(())
}

fn known_room(config: &Config, room: &RoomId) -> Result<(), Failure> {
    match config.definitions()?.find(room) {
        Some(_) => Ok(()),
        None => {
            Err(BadConfig::of("rooms", &format!("has no `{}`: add it to the settings file", room)).into())
        }
    }
}

/// Ctrl-C, or what a service manager sends.
struct Goodbye {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Goodbye {
    fn listen() -> io::Result<Goodbye> {
        Ok(Goodbye {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn come(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
