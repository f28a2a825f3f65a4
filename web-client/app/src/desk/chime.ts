/** Two soft notes for somebody at the door: quieter than a voice, and gone in a second. */
export function chime(): void {
  const context = new AudioContext();
  const end = context.currentTime + 1;
  for (const [frequency, after] of [
    [523.25, 0],
    [659.25, 0.16],
  ] as const) {
    const note = new OscillatorNode(context, { frequency });
    const loudness = new GainNode(context, { gain: 0 });
    const start = context.currentTime + after;
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(0.05, start + 0.03);
    loudness.gain.exponentialRampToValueAtTime(0.0005, end);
    note.connect(loudness).connect(context.destination);
    note.start(start);
    note.stop(end);
  }
  setTimeout(() => void context.close(), 1200);
}
