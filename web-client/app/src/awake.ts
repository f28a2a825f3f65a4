/** Keeps the screen from going dark while one waits or listens. Where the browser has no such thing, nothing happens. */
export function stayAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let ended = false;

  async function ask(): Promise<void> {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    const given = await navigator.wakeLock.request('screen').catch(() => undefined);
    if (ended) void given?.release();
    else lock = given;
  }

  const seenAgain = () => void ask();
  document.addEventListener('visibilitychange', seenAgain);
  seenAgain();
  return () => {
    ended = true;
    document.removeEventListener('visibilitychange', seenAgain);
    void lock?.release();
  };
}
