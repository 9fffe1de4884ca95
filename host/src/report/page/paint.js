// Draws parts of the chart. Each takes the drawing context, colours, and what to draw; nothing is remembered here.

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const crisp = (at) => Math.round(at) + 0.5;

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const many = (name, count) => Array.from({ length: count }, (_, at) => of(`${name}-${at}`));
  const names = ['card', 'edge', 'grid', 'text', 'soft', 'accent', 'up', 'down', 'gap', 'shade', 'window', 'bar-up', 'bar-down'];
  return { ...Object.fromEntries(names.map((name) => [name, of(name)])), tags: many('tag', 8), lines: many('line', 6) };
}

/** Candles of the bars in view: wicks and bodies, those that rose and those that fell each in one path. */
function paintCandles(cx, colors, level, view, scale) {
  const body = Math.max(1, Math.floor(view.barWidth * 0.72));
  for (const rises of [true, false]) {
    cx.beginPath();
    cx.fillStyle = rises ? colors.up : colors.down;
    for (let bar = view.first; bar < view.last; bar++) {
      const [open, close] = [level.open[bar], level.close[bar]];
      if (close >= open !== rises) continue;
      const x = Math.round(view.x(bar) - 0.5);
      const [high, low] = [scale.y(level.high[bar]), scale.y(level.low[bar])];
      cx.rect(x, high, 1, Math.max(1, low - high));
      const [top, bottom] = [scale.y(Math.max(open, close)), scale.y(Math.min(open, close))];
      if (body > 1) cx.rect(x - (body >> 1), top, (body >> 1) * 2 + 1, Math.max(1, bottom - top));
    }
    cx.fill();
  }
}

function paintVolume(cx, colors, level, view, scale) {
  const body = Math.max(1, Math.floor(view.barWidth * 0.72));
  const zero = scale.y(0);
  for (const rises of [true, false]) {
    cx.beginPath();
    cx.fillStyle = rises ? colors['bar-up'] : colors['bar-down'];
    for (let bar = view.first; bar < view.last; bar++) {
      if (level.close[bar] >= level.open[bar] !== rises || !(level.volume[bar] > 0)) continue;
      const y = scale.y(level.volume[bar]);
      cx.rect(Math.round(view.x(bar) - 0.5) - (body >> 1), y, (body >> 1) * 2 + 1, Math.max(1, zero - y));
    }
    cx.fill();
  }
}

/** A plotted line: of coarse bars the range of its values, else the line itself, broken where it has none. */
function paintLine(cx, color, least, most, view, scale) {
  if (view.size > 1) return paintRange(cx, color, least, most, view, scale);
  cx.beginPath();
  cx.strokeStyle = color;
  cx.lineWidth = 1.4;
  cx.lineJoin = 'round';
  let isDown = false;
  for (let bar = Math.max(0, view.first - 1); bar < Math.min(least.length, view.last + 1); bar++) {
    if (Number.isNaN(least[bar])) {
      isDown = false;
      continue;
    }
    const [x, y] = [view.x(bar), scale.y(least[bar])];
    if (!isDown) cx.moveTo(x, y);
    // A value between two holes is a dot.
    cx.lineTo(x, isDown ? y : y - 0.01);
    isDown = true;
  }
  cx.stroke();
}

function paintRange(cx, color, least, most, view, scale) {
  cx.fillStyle = color;
  cx.globalAlpha = 0.7;
  for (let bar = view.first; bar < view.last; bar++) {
    if (Number.isNaN(least[bar])) continue;
    const [low, high] = [scale.y(least[bar]), scale.y(most[bar])];
    const height = Math.max(1.4, low - high);
    cx.fillRect(view.x(bar) - view.barWidth / 2, (low + high - height) / 2, view.barWidth, height);
  }
  cx.globalAlpha = 1;
}

function paintGrid(cx, colors, scale, width) {
  const { values, decimals } = ticks(scale);
  cx.strokeStyle = colors.grid;
  cx.lineWidth = 1;
  cx.beginPath();
  for (const value of values) {
    const y = crisp(scale.y(value));
    cx.moveTo(0, y);
    cx.lineTo(width, y);
  }
  cx.stroke();
  return { values, decimals };
}

/** Labels of a panel's values, on the right. Those too near its edges are left out. */
function paintAxis(cx, colors, scale, { values, decimals }, x, write) {
  cx.fillStyle = colors.soft;
  cx.textAlign = 'left';
  cx.textBaseline = 'middle';
  for (const value of values) {
    const y = scale.y(value);
    if (y > scale.top + 7 && y < scale.top + scale.height - 6) cx.fillText(write(value, decimals), x + 6, y);
  }
}

function paintTimes(cx, colors, found, top, height, width) {
  cx.strokeStyle = colors.grid;
  cx.lineWidth = 1;
  cx.beginPath();
  for (const { x } of found) {
    cx.moveTo(crisp(x), 0);
    cx.lineTo(crisp(x), top);
  }
  cx.stroke();
  return () => {
    cx.textAlign = 'center';
    cx.textBaseline = 'middle';
    for (const { x, text, isMajor } of found) {
      const half = cx.measureText(text).width / 2;
      if (x - half < 2 || x + half > width) continue;
      cx.fillStyle = isMajor ? colors.text : colors.soft;
      cx.fillText(text, x, top + height / 2 + 1);
    }
  };
}

/** Where candles are missing: a dashed line between the neighbours, and the number where there is room. */
function paintGaps(cx, colors, gaps, xOf, top, bottom, width) {
  cx.strokeStyle = colors.gap;
  cx.fillStyle = colors.gap;
  cx.lineWidth = 1;
  cx.setLineDash([3, 3]);
  cx.textBaseline = 'bottom';
  cx.textAlign = 'left';
  let [lineX, wordsX] = [-Infinity, -Infinity];
  for (const gap of gaps) {
    const x = xOf(gap.candle - 0.5);
    if (x < 0 || x > width || x - lineX < 3) continue;
    cx.beginPath();
    cx.moveTo(crisp(x), top);
    cx.lineTo(crisp(x), bottom);
    cx.stroke();
    lineX = x;
    const words = `${whole(gap.missing)} missing`;
    const room = cx.measureText(words).width + 12;
    if (x >= wordsX && x + room < width) {
      cx.fillText(words, x + 4, bottom - 3);
      wordsX = x + room;
    }
  }
  cx.setLineDash([]);
}

/** What a signal looks like: it has no side, so it is a diamond over its candle. */
function paintMarker(cx, colors, color, x, y, isChosen) {
  const size = isChosen ? 6.5 : 5;
  cx.beginPath();
  cx.moveTo(x, y - size);
  cx.lineTo(x + size, y);
  cx.lineTo(x, y + size);
  cx.lineTo(x - size, y);
  cx.closePath();
  cx.fillStyle = color;
  cx.fill();
  cx.strokeStyle = isChosen ? colors.text : colors.card;
  cx.lineWidth = isChosen ? 1.8 : 1;
  cx.stroke();
}

/** Words in several colours, in as many rows as they need. */
function paintLegend(cx, words, left, top, width) {
  cx.textAlign = 'left';
  cx.textBaseline = 'middle';
  let [x, y] = [left, top];
  for (const { text, color } of words) {
    const room = cx.measureText(text).width;
    if (x > left && x + room > width) [x, y] = [left, y + 14];
    cx.fillStyle = color;
    cx.fillText(text, x, y);
    x += room + 12;
  }
}

/** A label upon an axis. */
function paintLabel(cx, colors, text, x, y, align, bounds) {
  const width = cx.measureText(text).width + 10;
  const left = align === 'center' ? Math.min(Math.max(x - width / 2, 0), bounds - width) : x;
  cx.fillStyle = colors.text;
  cx.fillRect(left, y - 9, width, 18);
  cx.fillStyle = colors.card;
  cx.textAlign = 'left';
  cx.textBaseline = 'middle';
  cx.fillText(text, left + 5, y + 0.5);
}
