// Puts the page together.

const byId = (id) => document.getElementById(id);

function header() {
  byId('name').textContent = report.trader.name;
  byId('summary').textContent = report.trader.summary;
  const counts = streams.reduce((sum, stream) => sum + stream.count, 0);
  const ends = streams.filter((stream) => stream.count > 0).map(({ packed, intervalMs }) => {
    const [start, count] = packed.runs[packed.runs.length - 1];
    return { first: packed.runs[0][0], last: start + count * intervalMs };
  });
  const first = Math.min(...ends.map((end) => end.first));
  const last = Math.max(...ends.map((end) => end.last));
  const failed = Object.entries(report.cost.outcomes).reduce((sum, [outcome, count]) => (outcome === 'ok' ? sum : sum + count), 0);
  const entries = [
    ['Signals', whole(report.signals.length), 'strong'],
    ['Candles', whole(counts), 'strong'],
    ['Faults', whole(failed), failed > 0 ? 'strong bad' : 'strong'],
  ];
  if (ends.length > 0) entries.push(['Candles from, to (UTC)', `${minute(first)} – ${minute(last)}`]);
  if (report.from_ms !== null || report.to_ms !== null) {
    entries.push(['Signals from, to (UTC)', `${report.from_ms === null ? 'the first' : minute(report.from_ms)} – ${report.to_ms === null ? 'the last' : minute(report.to_ms + 1)}`]);
  }
  entries.push(['Module', element('code', { title: report.trader.module_sha256 }, report.trader.module_sha256.slice(0, 12))]);
  facts(byId('facts'), entries);
}

/** What is known of the bar under the pointer, or else of the last one in view. */
function readout(chart, at) {
  const place = byId('readout');
  if (!at) {
    place.replaceChildren();
    return;
  }
  const { stream } = chart;
  const { level, bar, size } = at;
  const first = bar * size;
  const last = Math.min(stream.count, first + size) - 1;
  const price = (column) => fixed(level[column][bar], stream.decimals);
  const change = (level.close[bar] / level.open[bar] - 1) * 100;
  const pair = (name, value, kind = '') => element('span', { class: kind }, element('span', { class: 'soft' }, `${name} `), value);
  // From open to close: a signal is told by its close, a bar stands at its open.
  const time = `${minute(stream.times[first])} – ${minute(stream.times[last] + stream.intervalMs)} UTC`;
  const parts = [element('span', {}, time), pair('O', price('open')), pair('H', price('high')), pair('L', price('low')), pair('C', price('close')), element('span', { class: leaning(change) }, percent(change)), pair('Vol', compact(level.volume[bar]))];
  if (size > 1) parts.push(element('span', { class: 'soft' }, `each bar ${whole(size)} candles`));
  const tags = stream.signals.slice(firstFrom(stream.signals, first), firstFrom(stream.signals, last + 1)).filter((signal) => !chart.hidden.has(signal.tag));
  for (const tag of new Set(tags.map((signal) => signal.tag))) {
    const count = tags.filter((signal) => signal.tag === tag).length;
    parts.push(element('span', {}, dot(tag), ` ${tag}${count > 1 ? ` × ${whole(count)}` : ''}`));
  }
  place.replaceChildren(...parts);
}

function start() {
  header();
  let overview = null;
  const chart = new Chart(byId('candles'), (drawn, at) => {
    readout(drawn, at);
    overview.draw();
  });
  overview = new Overview(byId('overview'), chart);

  const show = (stream) => {
    byId('stream').value = String(stream.index);
    if (chart.stream !== stream) chart.show(stream);
  };
  const choose = (index) => {
    const signal = report.signals[index];
    show(streams[signal.stream]);
    chart.chosen = index;
    chart.centre(signal.candle);
    signals.reveal(index);
  };
  /** The signal before or after the chosen one, or else of the middle of the view. */
  const step = (by) => {
    const shown = chart.stream.signals.filter((signal) => !chart.hidden.has(signal.tag));
    const at = shown.findIndex((signal) => signal.index === chart.chosen);
    const middle = (chart.from + chart.to) / 2 - 0.5;
    const next = at >= 0 ? at + by : by > 0 ? firstFrom(shown, middle) : firstFrom(shown, middle) - 1;
    if (shown[next]) choose(shown[next].index);
  };
  const jump = (stream, openMs) => {
    show(stream);
    chart.centre(placeOf(stream, openMs));
    byId('chart').scrollIntoView({ block: 'nearest' });
  };
  const signals = new SignalTable(byId('signals'), chart, (index) => {
    choose(index);
    byId('chart').scrollIntoView({ block: 'nearest' });
  });

  for (const stream of streams) {
    const words = `${stream.symbol} ${stream.interval} · ${whole(stream.count)} candles · ${whole(stream.signals.length)} signals`;
    byId('stream').append(element('option', { value: stream.index }, words));
  }
  byId('stream').addEventListener('change', (event) => show(streams[Number(event.target.value)]));
  for (const { name } of report.tags) {
    const count = report.signals.filter((signal) => signal.tag === name).length;
    const toggle = (event) => {
      const isShown = chart.hidden.has(name);
      if (isShown) chart.hidden.delete(name);
      else chart.hidden.add(name);
      event.currentTarget.setAttribute('aria-pressed', String(isShown));
      signals.draw();
      chart.redraw();
    };
    byId('tags').append(element('button', { type: 'button', 'aria-pressed': 'true', 'data-tag': name, onclick: toggle }, dot(name), `${name} ${whole(count)}`));
  }
  byId('previous').addEventListener('click', () => step(-1));
  byId('next').addEventListener('click', () => step(1));
  byId('in').addEventListener('click', () => chart.zoom(0.6));
  byId('out').addEventListener('click', () => chart.zoom(1 / 0.6));
  byId('all').addEventListener('click', () => chart.viewAll());

  signals.draw();
  returnsTable(byId('returns'));
  costFigures(byId('cost'), jump);
  gapTable(byId('gaps'), jump);
  paramTable(byId('params').querySelector('.scroll'));
  traderFigures(byId('trader'));

  const best = streams.reduce((best, stream) => (stream.count > 0 && (!best || stream.signals.length > best.signals.length) ? stream : best), null);
  if (best) {
    listen(chart, { choose, step });
    show(best);
  } else {
    for (const part of ['candles', 'overview', 'keys', 'readout']) byId(part).hidden = true;
    for (const button of document.querySelectorAll('#chart button, #stream')) button.disabled = true;
    byId('nothing').hidden = false;
    byId('nothing').textContent = 'There are no candles to draw.';
  }

  // For scripts: what is drawn, and where.
  window.vyxReport = Object.freeze({
    data: report,
    frames: () => chart.frames,
    /** Once all that was asked for is drawn. */
    settled: () => chart.settled(),
    /** The stream and the candles in view: indices, fractions of a candle included. */
    view: () => (chart.stream ? { stream: chart.stream.index, from: chart.from, to: chart.to, width: chart.plotWidth } : null),
    setView: (from, to) => chart.view(from, to),
    show: (index) => show(streams[index]),
    /** Each signal in view: its index in `data.signals`, its candle and its price, and the pixel of its marker's middle in the canvas. */
    markers: () => chart.markers.map((marker) => ({ ...marker })),
    /** The candle drawn at this pixel. */
    candleAt: (x) => {
      const candle = chart.stream ? chart.candleAt(x) : null;
      if (candle === null) return null;
      const [level] = chart.stream.levels;
      return { candle, openTimeMs: chart.stream.times[candle], open: level.open[candle], high: level.high[candle], low: level.low[candle], close: level.close[candle] };
    },
    /** The values of the lines at a candle. */
    linesAt: (candle) => chart.stream.levels[0].most.map((line) => line[candle]),
    chosen: () => chart.chosen,
  });
}

start();
