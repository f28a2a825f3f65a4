//! Making the connection: codecs, tracks, slots, the offer with its candidates.

use std::sync::Arc;

use hearth_protocol::{Source, TrackLabel};
use rtc::{
    interceptor::Registry,
    media_stream::MediaStreamTrack,
    peer_connection::{
        configuration::{
            RTCConfigurationBuilder,
            interceptor_registry::register_default_interceptors,
            media_engine::{MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MediaEngine},
            setting_engine::SettingEngineBuilder,
        },
        sdp::RTCSessionDescription,
    },
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
            RtpCodecKind,
        },
    },
};
use tokio::sync::watch;
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::TrackRemote,
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState,
    },
    runtime::default_runtime,
};

use super::{Fallible, Offering, Outgoing, Shape, Shared, SrtpProtectionProfile, receive};

const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP8_REPAIR: u8 = 97;

struct Handler {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(receive(track, self.shared.clone()));
    }
}

/// `profiles` of SRTP; none: all that the crate has.
pub(super) async fn offer(
    sender: u32,
    shape: &Shape,
    profiles: &[SrtpProtectionProfile],
) -> Fallible<Offering> {
    let (gathered, mut gathering) = watch::channel(false);
    let (state, states) = watch::channel(RTCPeerConnectionState::New);
    let shared = Arc::<Shared>::default();
    let handler = Handler { gathered, state, shared: shared.clone() };
    let connection = connect(handler, profiles).await?;

    let mut outgoing = vec![];
    for (wanted, source) in [(shape.microphone, Source::Microphone), (shape.camera, Source::Camera)] {
        if wanted {
            outgoing.push(publish(&*connection, sender, source).await?);
        }
    }
    let slots = [(RtpCodecKind::Audio, shape.audio_slots), (RtpCodecKind::Video, shape.video_slots)];
    for (kind, count) in slots {
        for _ in 0..count {
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..Default::default()
            };
            connection.add_transceiver_from_kind(kind, Some(init)).await?;
        }
    }

    let offer = connection.create_offer(None).await?;
    connection.set_local_description(offer).await?;
    gathering.wait_for(|gathered| *gathered).await?;
    let offer = connection.local_description().await.ok_or("no local description")?;
    let mids = sending_mids(&offer.sdp);
    let tracks = mids.zip(&outgoing).map(|(mid, outgoing)| TrackLabel { mid, source: outgoing.source });
    let tracks = tracks.collect();
    Ok(Offering { sdp: offer.sdp, tracks, connection, outgoing, shared, state: states, sender })
}

pub(super) async fn accept(connection: &dyn PeerConnection, answer: &str) -> Fallible<()> {
    Ok(connection.set_remote_description(RTCSessionDescription::answer(answer.to_owned())?).await?)
}

async fn connect(handler: Handler, profiles: &[SrtpProtectionProfile]) -> Fallible<Arc<dyn PeerConnection>> {
    let mut engine = MediaEngine::default();
    for (codec, payload_type) in [(opus(), OPUS), (vp8(), VP8), (repair(), VP8_REPAIR)] {
        let kind = if payload_type == OPUS { RtpCodecKind::Audio } else { RtpCodecKind::Video };
        engine.register_codec(RTCRtpCodecParameters { rtp_codec: codec, payload_type }, kind)?;
    }
    let registry = register_default_interceptors(Registry::new(), &mut engine)?;
    let settings = SettingEngineBuilder::new().with_srtp_protection_profiles(profiles.to_vec()).build();
    let connection = PeerConnectionBuilder::new()
        .with_setting_engine(settings)
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(handler) as Arc<dyn PeerConnectionEventHandler>)
        .with_runtime(default_runtime().ok_or("no runtime")?)
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .build()
        .await?;
    Ok(Arc::new(connection))
}

async fn publish(connection: &dyn PeerConnection, sender: u32, source: Source) -> Fallible<Outgoing> {
    let (kind, codec, payload_type, ssrc) = match source {
        Source::Microphone => (RtpCodecKind::Audio, opus(), OPUS, 0x4d00_0000 + sender),
        Source::Camera | Source::Screen => (RtpCodecKind::Video, vp8(), VP8, 0x4300_0000 + sender),
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec,
        ..Default::default()
    };
    let name = format!("{source:?}-{sender}");
    let track = MediaStreamTrack::new(name.clone(), name.clone(), name, kind, vec![encoding.clone()]);
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        send_encodings: vec![encoding],
        ..Default::default()
    };
    connection.add_transceiver_from_track(track.clone() as Arc<dyn TrackLocal>, Some(init)).await?;
    Ok(Outgoing { source, track, ssrc, payload_type })
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        ..Default::default()
    }
}

fn vp8() -> RTCRtpCodec {
    RTCRtpCodec { mime_type: MIME_TYPE_VP8.to_owned(), clock_rate: 90_000, ..Default::default() }
}

/// RFC 4588.
fn repair() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        sdp_fmtp_line: format!("apt={VP8}"),
        ..Default::default()
    }
}

/// The mids of the media lines that send, in their order.
fn sending_mids(sdp: &str) -> impl Iterator<Item = String> {
    sdp.split("\nm=")
        .skip(1)
        .filter(|section| section.lines().any(|line| line.trim() == "a=sendonly"))
        .filter_map(|section| {
            section.lines().find_map(|line| Some(line.trim().strip_prefix("a=mid:")?.to_owned()))
        })
}
