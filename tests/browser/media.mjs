/** What truly arrives in a page, read from its media connection and its video elements. These functions run inside the page. */

/** To be run before any script of the page: remembers its media connections and sockets, which the page keeps to itself. */
export function remember() {
  window.remembered = { peers: [], sockets: [] };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      window.remembered.peers.push(this);
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      window.remembered.sockets.push(this);
    }
  };
}

/** Counts since the present media connection began. */
export async function received() {
  const peer = window.remembered.peers.findLast(({ connectionState }) => connectionState !== 'closed');
  const sum = { peers: window.remembered.peers.length, voices: 0, energy: 0, frames: 0, freezes: 0 };
  if (!peer) return sum;
  for (const report of (await peer.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    if (report.kind === 'audio') {
      sum.voices += report.packetsReceived ?? 0;
      sum.energy += report.totalAudioEnergy ?? 0;
    } else {
      sum.frames += report.framesDecoded ?? 0;
      sum.freezes += report.freezeCount ?? 0;
    }
  }
  return sum;
}

/** How many frames each visible tile has shown, by participant. A tile that is still blank has none. */
export function shown() {
  const frames = {};
  for (const tile of document.querySelectorAll('[data-participant]')) {
    const video = tile.querySelector('video');
    const visible = video && getComputedStyle(video).opacity !== '0';
    // Firefox counts frames of live media under its own name only.
    frames[tile.dataset.participant] = visible ? (video.mozPaintedFrames ?? video.getVideoPlaybackQuality().totalVideoFrames) : 0;
  }
  return frames;
}
