/**
 * A new page takes the focus, so that it is read from its beginning. In the next frame: to focus what was just made lets the
 * browser lay it all out at once, and once more when the old page goes.
 */
export function takeFocus(main: HTMLElement): () => void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  const frame = requestAnimationFrame(() => main.focus({ preventScroll: true }));
  return () => cancelAnimationFrame(frame);
}
