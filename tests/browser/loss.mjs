/**
 * Figures, not a test: `node loss.mjs SECONDS` prints how much of a voice a browser had to make up itself at random loss between the relay
 * and the page, with redundancy (RFC 2198) and with the in-band error correction of Opus alone.
 */

import { createSocket } from 'node:dgram';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { remember } from './media.mjs';
import { Person, until } from './person.mjs';

const LOSSES = [0, 0.1, 0.3, 0.5];

/** Stands between one page and the relay, and loses this share of the media that go to the page. */
class Path {
  loss = 0;
  #near = createSocket('udp4');
  #far = createSocket('udp4');

  static async to(port) {
    const path = new Path();
    let page;
    const isMedia = (datagram) => datagram[0] >= 128 && datagram[0] < 192 && !(datagram[1] >= 192 && datagram[1] < 224);
    path.#near.on('message', (datagram, from) => {
      page = from;
      path.#far.send(datagram, port, '127.0.0.1');
    });
    path.#far.on('message', (datagram) => {
      if (page && !(isMedia(datagram) && Math.random() < path.loss)) path.#near.send(datagram, page.port, page.address);
    });
    for (const socket of [path.#near, path.#far]) await new Promise((bound) => socket.bind(0, '127.0.0.1', bound));
    return path;
  }

  get port() {
    return this.#near.address().port;
  }
}

/** In the page: media go by the path, and nobody is asked for redundancy if it is not wanted. */
function redirect(plain) {
  const accept = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    const candidate = /^a=candidate:.* udp .* 127\.0\.0\.1 (\d+) .*$/gim;
    const port = await window.pathTo(Number(candidate.exec(description.sdp)?.[1]));
    const lines = description.sdp.split('\r\n').filter((line) => !/^a=candidate:.* tcp /i.test(line));
    const sdp = lines.map((line) => line.replace(/^(a=candidate:.* udp .* 127\.0\.0\.1) \d+/i, `$1 ${port}`)).join('\r\n');
    return accept.call(this, { type: description.type, sdp });
  };
  const capabilities = RTCRtpReceiver.getCapabilities;
  RTCRtpReceiver.getCapabilities = (kind) => {
    const known = capabilities.call(RTCRtpReceiver, kind);
    return { ...known, codecs: known.codecs.filter(({ mimeType }) => !(plain && mimeType === 'audio/red')) };
  };
  // Something like speech without a pause, so that no silence hides a gap: a low buzz through moving formants.
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const context = new AudioContext({ sampleRate: 48_000 });
    const [voice, mouth, syllables, depth, out] = [
      new OscillatorNode(context, { type: 'sawtooth', frequency: 130 }),
      new BiquadFilterNode(context, { type: 'bandpass', frequency: 900, Q: 2 }),
      new OscillatorNode(context, { type: 'sine', frequency: 4 }),
      new GainNode(context, { gain: 500 }),
      new MediaStreamAudioDestinationNode(context),
    ];
    voice.connect(mouth).connect(out);
    syllables.connect(depth).connect(mouth.frequency);
    [voice, syllables].forEach((node) => node.start());
    return wanted.audio ? out.stream : new MediaStream();
  };
}

/** In the page: samples played, and those that were made up while something was to be heard. */
async function samples() {
  const sum = { played: 0, madeUp: 0, kbits: 0 };
  for (const peer of window.remembered.peers) {
    const stats = await peer.getStats();
    for (const report of stats.values()) {
      if (report.type !== 'inbound-rtp' || report.kind !== 'audio' || !report.packetsReceived) continue;
      sum.played += report.totalSamplesReceived;
      sum.madeUp += report.concealedSamples - report.silentConcealedSamples;
      sum.kbits += (report.bytesReceived * 8) / 1000;
    }
  }
  sum.sdp = window.remembered.peers.at(-1).remoteDescription.sdp.match(/^m=audio.*$/m)[0];
  return sum;
}

async function measure(browser, plain, seconds) {
  const hearth = await Hearth.start();
  const open = async (link) => {
    const person = new Person();
    person.context = await browser.newContext();
    person.context.setDefaultTimeout(30_000);
    await person.context.exposeFunction('pathTo', async (port) => {
      person.path = await Path.to(port);
      return person.path.port;
    });
    await person.context.addInitScript(remember);
    await person.context.addInitScript(redirect, plain);
    person.page = await person.context.newPage();
    await person.page.goto(link);
    await person.join();
    return person;
  };
  const lead = await open(hearth.facilitator);
  await lead.seated();
  const member = await open(hearth.members[0]);
  await lead.press(/^Let in /, { within: lead.desk });
  await member.seated();
  await lead.unmute();
  await until('sound', () => member.page.evaluate(samples), ({ played }) => played > 0);
  for (const loss of LOSSES) {
    member.path.loss = loss;
    // Until the relay was told of the loss.
    await new Promise((over) => setTimeout(over, 12_000));
    const before = await member.page.evaluate(samples);
    await new Promise((over) => setTimeout(over, seconds * 1_000));
    const now = await member.page.evaluate(samples);
    const share = (100 * (now.madeUp - before.madeUp)) / (now.played - before.played);
    const rate = (now.kbits - before.kbits) / seconds;
    console.log(`${plain ? 'in-band alone' : 'redundancy   '} ${loss * 100} %: ${share.toFixed(2)} % made up, ${rate.toFixed(0)} kbit/s`);
  }
  console.log(`  ${(await member.page.evaluate(samples)).sdp}`);
  await hearth.stop();
}

const browser = await launch();
for (const plain of [false, true]) await measure(browser, plain, Number(process.argv[2] ?? '20'));
await browser.close();
process.exit();
