// The panels of the chart, from top to bottom, and how values and times become pixels.

/** Which panels there are: price, volume, and one for each that the trader names. */
function panelsOf() {
  const panels = [
    { name: 'price', lines: [], share: 5 },
    { name: 'volume', lines: [], share: 1.1 },
  ];
  let index = 0;
  for (const plot of report.plots) {
    let panel = panels.find((known) => known.name === plot.panel);
    if (!panel) panels.push((panel = { name: plot.panel, lines: [], share: 1.7 }));
    const titles = plot.title.split(',').map((title) => title.trim());
    for (let nth = 0; nth < plot.lines; nth++) {
      const title = titles.length === plot.lines ? titles[nth] : plot.lines === 1 ? plot.title : `${plot.title} ${nth + 1}`;
      panel.lines.push({ index: index++, title, color: panel.lines.length % 6 });
    }
  }
  return panels;
}

/** Gives every panel its place; the height that all of them take. */
function place(panels, isNarrow) {
  const unit = isNarrow ? 50 : 66;
  let top = 0;
  for (const panel of panels) {
    panel.top = top;
    panel.height = Math.round(panel.share * unit);
    top += panel.height + 1;
  }
  return top;
}

/** A scale of a panel: from values to pixels, with room at the top for what stands over the values. */
function scale(panel, least, most, roomAbove) {
  let span = most - least;
  if (!Number.isFinite(span)) return { ...panel, least: 0, most: 1, y: () => NaN, value: () => NaN, isEmpty: true };
  if (span === 0) span = Math.abs(most) * 0.02 || 1;
  const middle = (least + most) / 2;
  const bottom = panel.top + panel.height - 7;
  const height = Math.max(1, panel.height - 7 - roomAbove);
  const from = middle - span / 2;
  return {
    ...panel,
    least: from,
    most: from + span,
    y: (value) => bottom - ((value - from) / span) * height,
    value: (y) => from + ((bottom - y) / height) * span,
  };
}

/** Round values within a scale, one in about fifty pixels, more densely in a low panel. */
function ticks(scale) {
  if (scale.isEmpty) return { values: [], decimals: 0 };
  const pixels = scale.height > 200 ? 46 : 26;
  const top = scale.value(scale.top);
  const bottom = scale.value(scale.top + scale.height);
  const rough = ((top - bottom) / scale.height) * pixels;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((step) => step >= rough * 0.999) ?? 10 * power;
  const values = [];
  for (let at = Math.ceil(bottom / step); at <= Math.floor(top / step) && values.length < 50; at++) values.push(at * step);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) + (step / power === 2.5 ? 1 : 0) - 1e-9));
  return { values, decimals };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE).concat([1, 2, 3, 4, 6, 12].map((n) => n * HOUR), [1, 2, 4, 7, 14].map((n) => n * DAY));

/** Where the time axis has its labels: the first bar of each step, the steps as long as their labels need room. */
function timeTicks(times, first, last, barOf, xOf, pixelsPerBar, msPerBar) {
  const wanted = (msPerBar / pixelsPerBar) * 92;
  const step = STEPS.find((step) => step >= wanted);
  const months = step ? 0 : [1, 2, 3, 6, 12].find((months) => months * 30 * DAY >= wanted) ?? 12 * Math.ceil(wanted / (365 * DAY));
  const key = (ms) => {
    if (step) return Math.floor(ms / step);
    const date = new Date(ms);
    return Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / months);
  };
  const found = [];
  let before = null;
  let lastX = -Infinity;
  for (let bar = first; bar < last; bar++) {
    const ms = times[barOf(bar)];
    const now = key(ms);
    if (before !== null && now !== before.key) {
      const x = xOf(bar);
      if (x - lastX >= 58) {
        found.push({ x, ...timeLabel(ms, before.ms, step) });
        lastX = x;
      }
    }
    before = { key: now, ms };
  }
  return found;
}

function timeLabel(ms, beforeMs, step) {
  const [date, before] = [new Date(ms), new Date(beforeMs)];
  if (date.getUTCFullYear() !== before.getUTCFullYear()) return { text: String(date.getUTCFullYear()), isMajor: true };
  if (!step) return { text: MONTHS[date.getUTCMonth()], isMajor: false };
  if (step < DAY && Math.floor(ms / DAY) === Math.floor(beforeMs / DAY)) {
    return { text: `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`, isMajor: false };
  }
  return { text: `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`, isMajor: step < DAY };
}
