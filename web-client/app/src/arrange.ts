/** How the tiles of a room stand on a stage of a given size. Lengths in CSS pixels. */
export interface Arrangement {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  /** Not everybody fits at a size at which a face is a face: the stage scrolls. */
  readonly scrolls: boolean;
}

/** Width to height. Cameras see more wide than high: upright tiles are for upright screens. */
const NARROWEST_UPRIGHT = 3 / 4;
const NARROWEST_WIDE = 6 / 5;
const WIDEST = 16 / 9;
const STAGE_WIDE = 700;
/** Larger than this, a face comes too close. */
const WIDTH_MAX = 820;
/** Smaller than this, no face can be read. */
const WIDTH_MIN = 100;
const HEIGHT_MIN = 92;

/** The largest tiles, all of one size, that show `count` people at once; if they would be too small, as many as fit and a scroll. */
export function arrange(count: number, width: number, height: number, gap: number): Arrangement {
  if (count < 1 || width <= 0 || height <= 0) return { columns: 1, width: 0, height: 0, scrolls: false };
  const candidates = Array.from({ length: count }, (_, index) => fitted(index + 1, count, width, height, gap));
  const best = candidates.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  if (best.width >= WIDTH_MIN && best.height >= HEIGHT_MIN) return best;
  return scrolling(count, width, gap);
}

function fitted(columns: number, count: number, width: number, height: number, gap: number): Arrangement {
  const rows = Math.ceil(count / columns);
  const cellWidth = Math.max(0, (width - gap * (columns - 1)) / columns);
  const cellHeight = Math.max(0, (height - gap * (rows - 1)) / rows);
  const narrowest = width >= STAGE_WIDE ? NARROWEST_WIDE : NARROWEST_UPRIGHT;
  const tileWidth = Math.min(cellWidth, cellHeight * WIDEST, WIDTH_MAX);
  return {
    columns,
    width: Math.floor(tileWidth),
    height: Math.floor(Math.min(cellHeight, tileWidth / narrowest)),
    scrolls: false,
  };
}

function scrolling(count: number, width: number, gap: number): Arrangement {
  const columns = Math.min(count, Math.max(1, Math.floor((width + gap) / (WIDTH_MIN + gap))));
  const side = Math.floor((width - gap * (columns - 1)) / columns);
  return { columns, width: side, height: side, scrolls: true };
}
