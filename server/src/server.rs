use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearth_relay::{Relay, RelayConfig};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::auth::{self, Key, LinkFault, Links, Verifier};
use crate::config::{BadConfig, Config};
use crate::http::{self, Desk, Listener, Sample};
use crate::rooms::Directory;
use crate::signalling::{self, Proxies, Signalling};
use crate::store::{self, Store};
use crate::{Grant, LINK_KEY, RoomId};

/// A running server.
#[derive(Debug)]
pub struct Server {
    base_url: String,
    media_addresses: Vec<SocketAddr>,
    links: Links,
    store: Store,
    directory: Directory,
    relay: Arc<Relay>,
    http: Listener,
    /// False as soon as the server begins to stop.
    open: watch::Sender<bool>,
    ended: broadcast::Sender<RoomId>,
    revoking: JoinHandle<()>,
}

/// Why it does not run, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] BadConfig),
    #[error("port {} on {} is taken: end what listens there, or choose another with `--http-port` or `http.port`", .0.port(), .0.ip())]
    HttpPortTaken(SocketAddr),
    #[error("cannot listen on {0} ({1}): check `http.bind` and `http.port`")]
    Http(SocketAddr, io::Error),
    #[error("the media port {} on {} is taken: end what listens there, or choose another with `--media-port` or `media.port`", .0.port(), .0.ip())]
    MediaPortTaken(SocketAddr),
    #[error("the relay cannot start ({0}): check `media.bind`, `media.port` and `media.advertised`")]
    Media(String),
    #[error("the store `{}` cannot be opened ({cause}): check `store.path`", .path.display())]
    Store { path: PathBuf, cause: String },
}

impl Server {
    /// Everything is there when this returns: a page that is opened works.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let (listener, address) = bind(SocketAddr::new(config.http.bind, config.http.port)).await?;
        let relay = Arc::new(start_relay(&config)?);
        let store = open_store(&config).await?;

        let tickets = config.ticketing();
        let link_key = Key::draw("hearth");
        let mut keys = config.keyring()?;
        keys.insert(LINK_KEY, link_key.clone());
        let verifier = Verifier::new(tickets.clone(), keys);
        let links = Links::new(store.clone(), tickets, LINK_KEY, link_key);
        let directory = Directory::new(config.definitions()?, Arc::new(store.clone()), relay.clone());

        let (open, opened) = watch::channel(true);
        let origins = config.origins();
        let desk = Desk {
            links: links.clone(),
            origins: origins.clone(),
            store: store.clone(),
            open: opened,
            crisis_line: {
                let directory = directory.clone();
                Arc::new(move |room| directory.crisis_line(room))
            },
            samples: samples(directory.clone(), relay.clone()),
            metrics_token: config.metrics.token.as_str().into(),
            secure: config.http.public_url.starts_with("https://"),
        };
        let signalling =
            Signalling::new(directory.clone(), verifier.clone(), origins, signalling::Limits::default());
        let rooms = signalling::router(signalling, Proxies::new(&config.http.proxies))
            .merge(http::revocations(directory.clone(), verifier));
        let router = http::router(desk, rooms);
        let http = Listener::start(listener, address, router, config.http.connections_max);

        let (ended, _) = broadcast::channel(ENDS_MAX);
        let revoking = tokio::spawn(revoke_when_ended(directory.ended(), links.clone(), ended.clone()));
        Ok(Server {
            base_url: base_url_at(&config, address),
            media_addresses: relay.addresses(),
            links,
            store,
            directory,
            relay,
            http,
            open,
            ended,
            revoking,
        })
    }

    pub fn http_address(&self) -> SocketAddr {
        self.http.address()
    }

    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Where each worker of the relay listens.
    pub fn media_addresses(&self) -> &[SocketAddr] {
        &self.media_addresses
    }

    /// What people type to get here, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A ticket that is valid from now for two minutes.
    pub fn ticket(&self, grant: &Grant) -> String {
        self.links.mint(grant)
    }

    /// A personal link, valid until the room's session ends.
    pub async fn link(&self, grant: &Grant) -> Result<String, LinkFault> {
        Ok(link_url(&self.base_url, &self.links.issue(grant).await?))
    }

    /// Tells which room's session has ended, once its links are revoked.
    pub fn ended(&self) -> broadcast::Receiver<RoomId> {
        self.ended.subscribe()
    }

    /// Takes the rooms as these settings have them: titles, ground rules, policies, rosters, rooms that are new. All else stays as it was
    /// at the start.
    pub async fn redefine(&self, config: &Config) -> Result<(), BadConfig> {
        self.directory.define(config.definitions()?).await;
        Ok(())
    }

    /// Everything that is counted, at this moment.
    pub fn counters(&self) -> Vec<Sample> {
        samples(self.directory.clone(), self.relay.clone())()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Says goodbye to the rooms and ends, in well under a second. Sessions are kept to be woken again.
    pub async fn stop(self) {
        self.open.send_replace(false);
        tokio::join!(self.directory.shutdown(), self.http.stop(REQUESTS_WITHIN));
        self.revoking.abort();
        self.store.close().await;
    }
}

/// `secret` in the fragment, which no browser sends to any server.
pub fn link_url(base_url: &str, secret: &auth::LinkSecret) -> String {
    format!("{base_url}/join#{}", secret.text())
}

const ENDS_MAX: usize = 64;
const REQUESTS_WITHIN: Duration = Duration::from_millis(400);

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    };
    bound.await.map_err(|error: io::Error| {
        let taken = error.kind() == io::ErrorKind::AddrInUse;
        if taken { StartError::HttpPortTaken(address) } else { StartError::Http(address, error) }
    })
}

fn start_relay(config: &Config) -> Result<Relay, StartError> {
    let media = &config.media;
    let advertised = media.advertised.clone();
    let relay =
        Relay::start(RelayConfig { workers: media.workers, bind: media.bind, port: media.port, advertised });
    relay.map_err(|error| match error {
        hearth_relay::StartError::PortTaken(address, _) => StartError::MediaPortTaken(address),
        hearth_relay::StartError::Bind(_, ref cause) | hearth_relay::StartError::Thread(ref cause) => {
            StartError::Media(format!("{error}: {cause}"))
        }
        hearth_relay::StartError::NothingToAdvertise | hearth_relay::StartError::Certificate => {
            StartError::Media(error.to_string())
        }
    })
}

async fn open_store(config: &Config) -> Result<Store, StartError> {
    let path = &config.store.path;
    let opened = if path.as_os_str().is_empty() { Store::temporary().await } else { Store::open(path).await };
    opened.map_err(|fault| StartError::Store { path: path.clone(), cause: causes(&fault) })
}

fn causes(fault: &store::Fault) -> String {
    let mut text = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What people type to get to a server of these settings.
pub fn base_url(config: &Config) -> String {
    base_url_at(config, SocketAddr::new(config.http.bind, config.http.port))
}

fn base_url_at(config: &Config, listening: SocketAddr) -> String {
    let public = config.http.public_url.trim_end_matches('/');
    if !public.is_empty() {
        return public.to_owned();
    }
    let reached =
        if listening.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listening.ip() };
    format!("http://{}", SocketAddr::new(reached, listening.port()))
}

fn samples(directory: Directory, relay: Arc<Relay>) -> Arc<dyn Fn() -> Vec<Sample> + Send + Sync> {
    let start = Instant::now();
    Arc::new(move || {
        let rooms = directory.counters().into_iter().map(|(name, value)| Sample { name, label: None, value });
        let media = relay.counters().into_iter();
        let media =
            media.map(|counter| Sample { name: counter.name, label: counter.label, value: counter.value });
        let uptime = Sample { name: "hearth_uptime_seconds", label: None, value: start.elapsed().as_secs() };
        rooms.chain(media).chain([uptime]).collect()
    })
}

/// A personal link ends with the session it was made for.
async fn revoke_when_ended(
    mut ends: broadcast::Receiver<RoomId>,
    links: Links,
    revoked: broadcast::Sender<RoomId>,
) {
    loop {
        match ends.recv().await {
            Ok(room) => {
                if let Err(error) = links.revoke(&room).await {
                    tracing::error!(%error, "the links of an ended session could not be revoked");
                }
                // Nobody may be listening, which is fine.
                let _ = revoked.send(room);
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::error!(missed, "sessions ended faster than their links could be revoked");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
