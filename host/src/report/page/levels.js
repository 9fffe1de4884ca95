// Coarser candles for a wide view: each level halves the number of the one below, so that what is drawn never exceeds the pixels.

const lesser = (a, b) => (a <= b || Number.isNaN(b) ? a : b);
const greater = (a, b) => (a >= b || Number.isNaN(b) ? a : b);

function halved(column, pick) {
  const half = new Float64Array((column.length + 1) >> 1);
  for (let at = 0; at < half.length; at++) {
    const first = column[2 * at];
    half[at] = 2 * at + 1 < column.length ? pick(first, column[2 * at + 1]) : first;
  }
  return half;
}

/** The level whose bars are 2^`depth` candles. */
function levelOf(stream, depth) {
  while (stream.levels.length <= depth) {
    const below = stream.levels[stream.levels.length - 1];
    stream.levels.push({
      open: halved(below.open, (first) => first),
      high: halved(below.high, greater),
      low: halved(below.low, lesser),
      close: halved(below.close, (_, second) => second),
      volume: halved(below.volume, (first, second) => (first || 0) + (second || 0)),
      least: below.least.map((line) => halved(line, lesser)),
      most: below.most.map((line) => halved(line, greater)),
    });
  }
  return stream.levels[depth];
}

/** The depth at which a bar is at least so many pixels wide. */
function depthFor(pixelsPerCandle, least) {
  return Math.max(0, Math.ceil(Math.log2(least / pixelsPerCandle)));
}

/** Least and greatest of a part of a column; none if all of it is NaN. */
function extent(into, column, from, to) {
  for (let at = from; at < to; at++) {
    const value = column[at];
    if (value < into.least) into.least = value;
    if (value > into.most) into.most = value;
  }
  return into;
}
