import { expect, test } from 'vitest';
import { forSpeech } from '../src/offer';
import { isFrom } from '../src/tile';

test('a frame is from its source on if its timestamp is not before the first, over the wrap too', () => {
  expect(isFrom(1000, 1000)).toBe(true);
  expect(isFrom(999, 1000)).toBe(false);
  expect(isFrom(5, 4_294_967_290)).toBe(true);
  expect(isFrom(4_294_967_290, 5)).toBe(false);
});

test('speech is offered with silence suppression and error correction, once each', () => {
  const sdp =
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n';
  expect(forSpeech(sdp)).toContain('a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n');
  expect(forSpeech(forSpeech(sdp))).toBe(forSpeech(sdp));
});
