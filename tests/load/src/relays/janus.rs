//! Janus with its video room, by its JSON over WebSocket: a publisher's connection for whoever sends, a subscriber's for whoever
//! listens.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    Fallible,
    client::{Client, Shape},
    process::{self, Process},
    scenario::Scenario,
};

/// As the samples that come with it advise for load: one event loop (the server has one core here) instead of a thread for each
/// handle, no slow-link events, no debug output, and no plugin or transport that is not used.
const SETTINGS: &str = r#"
general: {
    configs_folder = "FOLDER"
    debug_level = 1
    session_timeout = 0
    event_loops = 1
}
media: {
    slowlink_threshold = 0
    no_media_timer = 30
}
nat: {
    nice_debug = false
    ice_enforce_list = "bench0"
}
plugins: {
    disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so"
}
transports: {
    disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so"
}
"#;
const WEBSOCKETS: &str = r#"
general: {
    json = "compact"
    ws = true
    ws_port = PORT
    ws_ip = "127.0.0.1"
    ws_logging = "none"
}
"#;
/// Janus gathers no candidates on loopback. This one is in the network namespace that `make bench` makes.
const INTERFACE: &str = "bench0";
const WITHIN: Duration = Duration::from_secs(20);

/// A running Janus. Its folder goes with it.
#[derive(Debug)]
pub struct Janus {
    pub process: Process,
    address: SocketAddr,
    media: IpAddr,
    folder: PathBuf,
    feeds: Vec<Feed>,
}

/// What somebody publishes.
#[derive(Debug)]
struct Feed {
    id: u64,
    room: usize,
    seat: usize,
}

/// A session over a connection of its own.
#[derive(Debug)]
pub struct Session {
    socket: WebSocketStream<TcpStream>,
    id: u64,
    transactions: u64,
}

impl Janus {
    pub async fn start(rooms: usize, people: usize) -> Fallible<Janus> {
        let media = address_of(INTERFACE)?;
        let folder = std::env::temp_dir().join(format!("janus-load-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::write(folder.join("janus.jcfg"), SETTINGS.replace("FOLDER", &folder.to_string_lossy()))?;
        fs::write(
            folder.join("janus.transport.websockets.jcfg"),
            WEBSOCKETS.replace("PORT", &port.to_string()),
        )?;
        fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: {\n}\n")?;
        let mut command = process::command("janus");
        command.arg("--configs-folder").arg(&folder);
        let process = Process::start(&mut command)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let janus = Janus { process, address, media, folder, feeds: vec![] };
        let mut session = janus.first_session().await?;
        let handle = session.attach().await?;
        for room in 0..rooms {
            let create = json!({
                "request": "create", "room": room + 1, "publishers": people, "bitrate": 0, "fir_freq": 0,
                "audiocodec": "opus", "videocodec": "vp8", "audiolevel_event": false, "notify_joining": false,
            });
            session.ask(handle, create, None).await?;
        }
        Ok(janus)
    }

    /// Publishes what is sent. None: nothing is.
    pub async fn publish(
        &mut self,
        number: u32,
        (room, seat): (usize, usize),
        shape: &Shape,
    ) -> Fallible<(Option<Client>, Session)> {
        let mut session = Session::open(self.address).await?;
        if !shape.microphone && shape.camera.is_empty() {
            return Ok((None, session));
        }
        let handle = session.attach().await?;
        let sends = Shape { audio_slots: 0, video_slots: 0, ..shape.clone() };
        let offering = Client::offer(number, &sends, self.media)?;
        let join = json!({ "request": "joinandconfigure", "room": room + 1, "ptype": "publisher" });
        // The smallest layer comes first.
        let jsep = json!({ "type": "offer", "sdp": offering.sdp, "rid_order": "lmh" });
        let joined = session.ask(handle, join, Some(jsep)).await?;
        let id = joined["plugindata"]["data"]["id"].as_u64().ok_or_else(|| format!("no feed: {joined}"))?;
        self.feeds.push(Feed { id, room, seat });
        let answer = joined["jsep"]["sdp"].as_str().ok_or_else(|| format!("no answer: {joined}"))?;
        Ok((Some(offering.accept(answer)?), session))
    }

    /// Subscribes to everyone else in the room, over a connection of its own. None: nobody else sends.
    pub async fn subscribe(
        &self,
        number: u32,
        (room, seat): (usize, usize),
        scenario: &Scenario,
        session: &mut Session,
    ) -> Fallible<Option<Client>> {
        let others = self.feeds.iter().filter(|feed| feed.room == room && feed.seat != seat);
        let streams: Vec<Value> = others.map(|feed| json!({ "feed": feed.id })).collect();
        if streams.is_empty() {
            return Ok(None);
        }
        let handle = session.attach().await?;
        let join = json!({ "request": "join", "room": room + 1, "ptype": "subscriber", "streams": streams });
        let joined = session.ask(handle, join, None).await?;
        let offer = joined["jsep"]["sdp"].as_str().ok_or_else(|| format!("no offer: {joined}"))?;
        let (client, answer) = Client::answer(number + LISTENERS, offer, self.media)?;
        let jsep = json!({ "type": "answer", "sdp": answer });
        session.ask(handle, json!({ "request": "start" }), Some(jsep)).await?;
        if scenario.simulcast {
            let layers = self.layers(seat, scenario, &joined["plugindata"]["data"]["streams"]);
            session.ask(handle, json!({ "request": "configure", "streams": layers }), None).await?;
        }
        Ok(Some(client))
    }

    /// Which layer is taken of each picture.
    fn layers(&self, seat: usize, scenario: &Scenario, streams: &Value) -> Vec<Value> {
        let pictures = streams.as_array().into_iter().flatten().filter(|stream| stream["type"] == "video");
        let layer = |stream: &Value| {
            let feed = self.feeds.iter().find(|feed| stream["feed_id"] == feed.id)?;
            Some(json!({ "mid": stream["mid"], "substream": scenario.layer(seat, feed.seat) }))
        };
        pictures.filter_map(layer).collect()
    }

    async fn first_session(&self) -> Fallible<Session> {
        for _ in 0..100 {
            if let Ok(session) = Session::open(self.address).await {
                return Ok(session);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("Janus did not start: is it installed? `make bench` does that".into())
    }
}

/// The second connection of a person, as a client of its own, has a number so much higher.
pub const LISTENERS: u32 = 1 << 20;

impl Drop for Janus {
    fn drop(&mut self) {
        // Nothing else can be done about it here.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn address_of(interface: &str) -> Fallible<IpAddr> {
    let is_it = |address: &InterfaceAddress| address.interface_name == interface;
    let found = getifaddrs()?.filter(is_it).find_map(|it| Some(it.address?.as_sockaddr_in()?.ip()));
    let hint = || format!("there is no interface `{interface}` for Janus: run it by `make bench`");
    Ok(found.ok_or_else(hint)?.into())
}

impl Session {
    async fn open(address: SocketAddr) -> Fallible<Session> {
        let mut request = format!("ws://{address}/").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("janus-protocol"));
        let (socket, _) = client_async(request, TcpStream::connect(address).await?).await?;
        let mut session = Session { socket, id: 0, transactions: 0 };
        let created = session.exchange(json!({ "janus": "create" })).await?;
        session.id = created["data"]["id"].as_u64().ok_or_else(|| format!("no session: {created}"))?;
        Ok(session)
    }

    async fn attach(&mut self) -> Fallible<u64> {
        let attach = json!({ "janus": "attach", "session_id": self.id, "plugin": "janus.plugin.videoroom" });
        let attached = self.exchange(attach).await?;
        Ok(attached["data"]["id"].as_u64().ok_or_else(|| format!("no handle: {attached}"))?)
    }

    async fn ask(&mut self, handle: u64, body: Value, jsep: Option<Value>) -> Fallible<Value> {
        let mut message =
            json!({ "janus": "message", "session_id": self.id, "handle_id": handle, "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.exchange(message).await
    }

    /// What answers this message, past mere acknowledgements and what else happens.
    async fn exchange(&mut self, mut message: Value) -> Fallible<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        message["transaction"] = Value::from(transaction.clone());
        self.socket.send(Message::text(message.to_string())).await?;
        let answer = async {
            while let Some(frame) = self.socket.next().await {
                let Message::Text(text) = frame? else { continue };
                let answer: Value = serde_json::from_str(&text)?;
                if answer["transaction"] == *transaction && answer["janus"] != "ack" {
                    return Ok(answer);
                }
            }
            Err("Janus hung up".into())
        };
        let answer: Fallible<Value> = tokio::time::timeout(WITHIN, answer).await?;
        let answer = answer?;
        let refused = answer["janus"] == "error" || answer["plugindata"]["data"].get("error").is_some();
        if refused { Err(format!("Janus refuses: {answer}").into()) } else { Ok(answer) }
    }
}
