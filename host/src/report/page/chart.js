// The chart: what is in view of which stream, and how it is put together.

const LEAST_CANDLES = 8;
const TIME_AXIS = 24;

class Chart {
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.panels = panelsOf();
    this.hidden = new Set();
    this.from = 0;
    this.to = 1;
    this.axisWidth = 60;
    this.hover = null;
    this.chosen = null;
    this.markers = [];
    this.frames = 0;
    this.waiting = [];
    new ResizeObserver(() => this.redraw()).observe(canvas.parentElement);
    const theme = matchMedia('(prefers-color-scheme: dark)');
    theme.addEventListener('change', () => {
      this.colors = null;
      this.redraw();
    });
  }

  show(stream) {
    this.stream = opened(stream);
    this.hover = null;
    this.canvas.setAttribute('aria-label', `Candles of ${stream.symbol} ${stream.interval}, volume, plots and signals`);
    const wanted = Math.max(60, Math.round(this.plotWidth / 7));
    const last = stream.signals[stream.signals.length - 1];
    // The newest signal and what came after it, or else the newest candles.
    const to = last ? Math.min(stream.count + 2, Math.max(last.candle + wanted * 0.35, wanted)) : stream.count + 2;
    this.view(to - wanted, to);
  }

  get span() {
    return this.to - this.from;
  }

  get plotWidth() {
    return Math.max(40, this.canvas.clientWidth - this.axisWidth);
  }

  /** Puts these candles into view, as far as there are any. */
  view(from, to) {
    const most = Math.max(this.stream.count, LEAST_CANDLES) * 1.02 + 1;
    const span = Math.min(Math.max(to - from, LEAST_CANDLES), most);
    const slack = span === most ? 0.5 : span * 0.3;
    const start = (from + to - span) / 2;
    this.from = Math.max(Math.min(start, this.stream.count + slack - span), -slack);
    this.to = this.from + span;
    this.redraw();
  }

  viewAll() {
    this.view(-1, this.stream.count + 1);
  }

  move(candles) {
    this.view(this.from + candles, this.to + candles);
  }

  /** Changes how many candles are in view; the one at `x` stays where it is. */
  zoom(factor, x = this.plotWidth / 2) {
    const most = Math.max(this.stream.count, LEAST_CANDLES) * 1.02 + 1;
    const span = Math.min(Math.max(this.span * factor, LEAST_CANDLES), most);
    const at = this.from + (x / this.plotWidth) * this.span;
    const from = at - (x / this.plotWidth) * span;
    this.view(from, from + span);
  }

  /** Puts a candle into the middle, near enough to be told from its neighbours. */
  centre(candle) {
    const span = Math.min(this.span, Math.max(LEAST_CANDLES, this.plotWidth / 5));
    this.view(candle + 0.5 - span / 2, candle + 0.5 + span / 2);
  }

  /** Where the middle of a candle is. */
  xOf(candle) {
    return ((candle + 0.5 - this.from) / this.span) * this.plotWidth;
  }

  candleAt(x) {
    const candle = Math.floor(this.from + (x / this.plotWidth) * this.span);
    return candle >= 0 && candle < this.stream.count ? candle : null;
  }

  redraw() {
    if (this.pending || !this.stream) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
      this.frames += 1;
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  /** Once what was asked for is drawn. */
  settled() {
    return this.pending ? new Promise((wake) => this.waiting.push(wake)) : Promise.resolve();
  }

  /** The bars in view: how many candles each has, which they are, and where they stand. */
  bars() {
    const pixels = this.plotWidth / this.span;
    const depth = depthFor(pixels, 2.5);
    const size = 2 ** depth;
    const level = levelOf(this.stream, depth);
    const first = Math.max(0, Math.floor(this.from / size));
    const last = Math.min(level.open.length, Math.ceil(this.to / size));
    const x = (bar) => ((bar + 0.5) * size - this.from) * pixels;
    return { level, view: { depth, size, first, last, barWidth: pixels * size, x } };
  }

  scales(level, { first, last }) {
    return this.panels.map((panel) => {
      const found = { least: Infinity, most: -Infinity };
      const { name } = panel;
      if (name === 'price') extent(extent(found, level.low, first, last), level.high, first, last);
      if (name === 'volume') extent(extent(found, level.volume, first, last), [0], 0, 1);
      for (const { index } of panel.lines) extent(extent(found, level.least[index], first, last), level.most[index], first, last);
      return scale(panel, found.least, found.most, name === 'price' ? 44 : 24);
    });
  }

  draw() {
    const { canvas, panels } = this;
    const width = canvas.clientWidth;
    if (width === 0) return;
    const bottom = place(panels, width < 560);
    const cx = this.prepared(width, bottom + TIME_AXIS);
    const colors = (this.colors ??= readColors());
    let { level, view } = this.bars();
    const scales = this.scales(level, view);
    const write = (panel) => (panel.name === 'volume' ? compact : panel.name === 'price' ? fixed : (value, decimals) => fixed(value, decimals));
    const widths = scales.flatMap((scale) => {
      const { values, decimals } = ticks(scale);
      return values.map((value) => cx.measureText(write(scale)(value, decimals)).width);
    });
    this.axisWidth = Math.ceil(Math.max(38, ...widths)) + 12;
    const right = this.plotWidth;
    ({ level, view } = this.bars());
    const { from, to } = this.warmUp();
    cx.fillStyle = colors.shade;
    if (to > from) cx.fillRect(from, 0, to - from, bottom);

    const grids = scales.map((scale) => paintGrid(cx, colors, scale, right));
    const pixelsPerBar = view.barWidth;
    const times = timeTicks(this.stream.times, view.first, view.last, (bar) => bar * view.size, view.x, pixelsPerBar, this.stream.intervalMs * view.size);
    const paintTimeLabels = paintTimes(cx, colors, times, bottom, TIME_AXIS, right);

    cx.save();
    cx.beginPath();
    cx.rect(0, 0, right, bottom);
    cx.clip();
    for (const scale of scales) this.paintPanel(cx, colors, level, view, scale);
    paintGaps(cx, colors, this.stream.gaps, (candle) => this.xOf(candle), 0, panels[0].height, right);
    this.paintSignals(cx, colors, level, view, scales[0], bottom);
    cx.restore();

    this.paintEdges(cx, colors, right, bottom, width);
    scales.forEach((scale, at) => paintAxis(cx, colors, scale, grids[at], right, write(scale)));
    paintTimeLabels();
    const bar = this.hover ? this.barAt(this.hover.x, view) : Math.min(view.last, Math.ceil(this.stream.count / view.size)) - 1;
    this.paintLegends(cx, colors, level, scales, bar, right);
    if (this.hover) this.paintCross(cx, colors, scales, view, bar, right, bottom, write);
    this.told(this, bar >= 0 ? { level, bar, size: view.size, isHover: this.hover !== null } : null);
  }

  prepared(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const { canvas } = this;
    const [pixels, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixels || canvas.height !== rows) {
      canvas.width = pixels;
      canvas.height = rows;
      canvas.style.height = `${height}px`;
    }
    const cx = canvas.getContext('2d');
    cx.setTransform(ratio, 0, 0, ratio, 0, 0);
    cx.clearRect(0, 0, width, height);
    cx.font = FONT;
    return cx;
  }

  /** The part whose signals are not shown, in pixels. */
  warmUp() {
    if (report.from_ms === null || this.stream.count === 0) return { from: 0, to: 0 };
    const first = placeOf(this.stream, report.from_ms - this.stream.intervalMs + 1);
    return { from: Math.max(0, this.xOf(-0.5)), to: Math.min(this.plotWidth, this.xOf(first - 0.5)) };
  }

  paintPanel(cx, colors, level, view, scale) {
    if (scale.name === 'price') paintCandles(cx, colors, level, view, scale);
    if (scale.name === 'volume') paintVolume(cx, colors, level, view, scale);
    for (const { index, color } of scale.lines) paintLine(cx, colors.lines[color], level.least[index], level.most[index], view, scale);
  }

  paintSignals(cx, colors, level, view, scale, bottom) {
    this.markers = [];
    let stack = { bar: -1, tags: [] };
    const { signals } = this.stream;
    for (let at = firstFrom(signals, this.from - 1); at < signals.length && signals[at].candle <= this.to; at++) {
      const signal = signals[at];
      if (this.hidden.has(signal.tag)) continue;
      const bar = signal.candle >> view.depth;
      if (stack.bar !== bar) stack = { bar, tags: [] };
      let drawn = stack.tags.find((other) => other.tag === signal.tag);
      if (!drawn) {
        const y = scale.y(level.high[bar]) - 11 - 12 * stack.tags.length;
        drawn = { tag: signal.tag, x: this.xOf(signal.candle), y };
        stack.tags.push(drawn);
      }
      this.markers.push({ signal: signal.index, tag: signal.tag, candle: signal.candle, openTimeMs: signal.open_time_ms, price: signal.price, x: drawn.x, y: drawn.y });
    }
    const chosen = this.markers.find((marker) => marker.signal === this.chosen);
    if (chosen) {
      cx.strokeStyle = colors.accent;
      cx.lineWidth = 1;
      cx.setLineDash([4, 3]);
      cx.beginPath();
      cx.moveTo(crisp(chosen.x - 0.5), 0);
      cx.lineTo(crisp(chosen.x - 0.5), bottom);
      cx.stroke();
      cx.setLineDash([]);
    }
    const paint = (marker) => {
      const color = colors.tags[(tagIndex.get(marker.tag) ?? 0) % 8];
      paintMarker(cx, colors, color, marker.x, marker.y, marker === chosen);
    };
    this.markers.filter((marker) => marker !== chosen).forEach(paint);
    if (chosen) paint(chosen);
  }

  paintEdges(cx, colors, right, bottom, width) {
    cx.strokeStyle = colors.edge;
    cx.lineWidth = 1;
    cx.beginPath();
    for (const panel of this.panels) {
      cx.moveTo(0, crisp(panel.top + panel.height));
      cx.lineTo(width, crisp(panel.top + panel.height));
    }
    cx.moveTo(crisp(right), 0);
    cx.lineTo(crisp(right), bottom);
    cx.stroke();
  }

  paintLegends(cx, colors, level, scales, bar, right) {
    for (const scale of scales) {
      const words = scale.lines.map(({ index, title, color }) => ({
        text: `${title} ${short(bar >= 0 ? level.most[index][bar] : NaN)}`,
        color: colors.lines[color],
      }));
      if (scale.name === 'volume') words.unshift({ text: `Volume ${compact(bar >= 0 ? level.volume[bar] : NaN)}`, color: colors.soft });
      paintLegend(cx, words, 6, scale.top + 11, right);
    }
  }

  barAt(x, view) {
    const bar = Math.floor((this.from + (x / this.plotWidth) * this.span) / view.size);
    return Math.max(view.first, Math.min(view.last - 1, bar));
  }

  paintCross(cx, colors, scales, view, bar, right, bottom, write) {
    const y = Math.min(Math.max(this.hover.y, 0), bottom);
    const x = view.x(bar);
    cx.strokeStyle = colors.soft;
    cx.lineWidth = 1;
    cx.setLineDash([2, 3]);
    cx.beginPath();
    cx.moveTo(crisp(x - 0.5), 0);
    cx.lineTo(crisp(x - 0.5), bottom);
    cx.moveTo(0, crisp(y));
    cx.lineTo(right, crisp(y));
    cx.stroke();
    cx.setLineDash([]);
    const scale = scales.find((scale) => y >= scale.top && y <= scale.top + scale.height);
    if (scale && !scale.isEmpty) {
      const decimals = scale.name === 'price' ? Math.min(this.stream.decimals, ticks(scale).decimals + 2) : ticks(scale).decimals + 1;
      paintLabel(cx, colors, write(scale)(scale.value(y), decimals), right + 1, y, 'left', 0);
    }
    if (bar >= 0) paintLabel(cx, colors, minute(this.stream.times[bar * view.size]), x, bottom + TIME_AXIS / 2 + 1, 'center', right);
  }
}

/** The first signal at or after a candle. */
function firstFrom(signals, candle) {
  let low = 0;
  let high = signals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (signals[middle].candle < candle) low = middle + 1;
    else high = middle;
  }
  return low;
}
