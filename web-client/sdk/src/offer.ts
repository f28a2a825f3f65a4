/** What a browser's offer holds: which media lines, which codecs, which layers. */

import type { Source } from './generated/protocol';

/** The most people who are heard at once. */
export const AUDIO_SLOTS = 8;
/** How many pictures the first offer has room for. */
export const VIDEO_SLOTS = 12;
/** How many pictures any offer asks for: descriptions have a limit of 48 kB and 64 lines. */
export const VIDEO_SLOTS_MAX = 20;

/** Of a camera of 1280×720; smaller ones send fewer layers. */
const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

const SCREEN: RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];

export function addSending(peer: RTCPeerConnection, source: Source): RTCRtpTransceiver {
  const kind = source === 'microphone' ? 'audio' : 'video';
  const sendEncodings = source === 'camera' ? LAYERS : source === 'screen' ? SCREEN : [{}];
  return prefer(peer.addTransceiver(kind, { direction: 'sendonly', sendEncodings }), kind);
}

export function addSlots(peer: RTCPeerConnection, kind: 'audio' | 'video', count: number): RTCRtpTransceiver[] {
  return Array.from({ length: count }, () => prefer(peer.addTransceiver(kind, { direction: 'recvonly' }), kind));
}

/** One codec of each kind, the common ground of all browsers, keeps descriptions small; with what repairs its losses, where there is such. */
function prefer(transceiver: RTCRtpTransceiver, kind: 'audio' | 'video'): RTCRtpTransceiver {
  const wanted = kind === 'audio' ? ['audio/opus', 'audio/red'] : ['video/vp8', 'video/rtx'];
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const chosen = codecs.filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase()));
  if (chosen.length > 0) transceiver.setCodecPreferences(chosen);
  return transceiver;
}

/** Silence costs next to nothing, loss is covered, and nobody asks for a bandwidth of nothing (RFC 7587, section 6.1). */
export function forSpeech(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1];
  if (opus === undefined) return sdp;
  return sdp.replace(new RegExp(`^a=fmtp:${opus} (.*)$`, 'gm'), (_line, parameters: string) => {
    const kept = parameters
      .trim()
      .split(';')
      .filter((parameter) => !/^(usedtx|useinbandfec)=|^maxplaybackrate=0$/.test(parameter));
    return `a=fmtp:${opus} ${[...kept, 'useinbandfec=1', 'usedtx=1'].join(';')}`;
  });
}
