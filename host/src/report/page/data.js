// The data of the report, its columns as typed arrays.

const report = JSON.parse(document.getElementById('data').textContent);

/** A column as it was before it was packed; NaN where there is no value. */
function unpack(packed) {
  if (packed.plain) return Float64Array.from(packed.plain.values, (value) => (value === null ? NaN : value));
  const { decimals, steps } = packed.steps;
  const column = new Float64Array(steps.length);
  // A quotient of two exact numbers is what the decimal text reads as.
  const scale = Number(`1e${decimals}`);
  let now = 0;
  for (let at = 0; at < steps.length; at++) {
    if (steps[at] === null) {
      column[at] = NaN;
    } else {
      now += steps[at];
      column[at] = now / scale;
    }
  }
  return column;
}

const decimalsOf = (packed) => (packed.plain ? 8 : packed.steps.decimals);

/** Each stream is unpacked when it is first looked at. */
const streams = report.streams.map((packed, index) => ({
  index,
  packed,
  symbol: packed.symbol,
  interval: packed.interval,
  intervalMs: packed.interval_ms,
  count: packed.candles,
  signals: [],
  gaps: [],
  levels: [],
}));
report.signals.forEach((signal, index) => {
  signal.index = index;
  streams[signal.stream].signals.push(signal);
});
for (const stream of streams) stream.signals.sort((a, b) => a.candle - b.candle || a.index - b.index);
for (const gap of report.gaps) streams[gap.stream].gaps.push(gap);

function opened(stream) {
  if (stream.levels.length > 0) return stream;
  const { packed } = stream;
  stream.times = new Float64Array(stream.count);
  let at = 0;
  for (const [first, count] of packed.runs) {
    for (let step = 0; step < count; step++) stream.times[at++] = first + step * stream.intervalMs;
  }
  stream.decimals = Math.max(...['open', 'high', 'low', 'close'].map((name) => decimalsOf(packed[name])));
  const lines = packed.lines.map(unpack);
  stream.levels = [
    {
      open: unpack(packed.open),
      high: unpack(packed.high),
      low: unpack(packed.low),
      close: unpack(packed.close),
      volume: unpack(packed.volume),
      least: lines,
      most: lines,
    },
  ];
  for (const gap of stream.gaps) gap.candle = placeOf(stream, gap.until_open_ms);
  return stream;
}

/** The index of the first candle that opened at or after this time. */
function placeOf(stream, openMs) {
  let low = 0;
  let high = stream.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stream.times[middle] < openMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

const tagIndex = new Map(report.tags.map((tag, index) => [tag.name, index]));
