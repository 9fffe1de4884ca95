// Lists that are read page by page: signals, gaps, faults.

const PAGE = 100;

/** The buttons under a list, and which part of it is shown. */
class Pager {
  constructor(place, changed) {
    this.place = place;
    this.changed = changed;
    this.page = 0;
  }

  /** The part of these that is shown. */
  part(rows) {
    const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
    this.page = Math.min(this.page, last);
    const from = this.page * PAGE;
    const to = Math.min(rows.length, from + PAGE);
    this.place.replaceChildren();
    if (last > 0) {
      const go = (page) => () => {
        this.page = page;
        this.changed();
      };
      this.place.append(
        element('button', { type: 'button', disabled: this.page === 0, onclick: go(this.page - 1) }, '‹ Earlier rows'),
        `${whole(from + 1)}–${whole(to)} of ${whole(rows.length)}`,
        element('button', { type: 'button', disabled: this.page === last, onclick: go(this.page + 1) }, 'Later rows ›'),
      );
    }
    return rows.slice(from, to);
  }
}

class SignalTable {
  constructor(section, chart, choose) {
    this.scroll = section.querySelector('.scroll');
    this.chart = chart;
    this.choose = choose;
    this.sort = { by: 0, falls: false };
    this.pager = new Pager(section.querySelector('.pager'), () => {
      this.draw();
      this.scroll.scrollTop = 0;
    });
    const cell = (value) => (value === null ? -Infinity : value);
    const stream = (signal) => streams[signal.stream];
    // Title, class, what it is sorted by, what it shows.
    this.columns = [
      ['Closed, UTC', '', (signal) => signal.close_time_ms, (signal) => this.link(signal)],
      ['Stream', '', (signal) => signal.stream, (signal) => `${stream(signal).symbol} ${stream(signal).interval}`],
      ['Signal', '', (signal) => signal.tag, (signal) => element('span', {}, dot(signal.tag), signal.tag)],
      ['Price', 'number', (signal) => signal.price, (signal) => fixed(signal.price, opened(stream(signal)).decimals)],
      ...report.returns.horizons.map((candles, at) => [
        `+${candles}`,
        'number',
        (signal) => cell(signal.after_percent[at]),
        (signal) => element('span', { class: leaning(signal.after_percent[at]) }, percent(signal.after_percent[at])),
      ]),
      ['Remarks', '', remarks, remarks],
    ];
    if (!report.signals.some(remarks)) this.columns.pop();
  }

  rows() {
    const { by, falls } = this.sort;
    const key = this.columns[by][2];
    const order = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.index - b.index);
    const rows = report.signals.filter((signal) => !this.chart.hidden.has(signal.tag)).sort(order);
    return falls ? rows.reverse() : rows;
  }

  link(signal) {
    return element('button', { type: 'button', class: 'link', title: 'Show it in the chart' }, minute(signal.close_time_ms + 1));
  }

  /** Turns to the page of a signal and marks its row. */
  reveal(index) {
    const at = this.rows().findIndex((signal) => signal.index === index);
    if (at >= 0) this.pager.page = Math.floor(at / PAGE);
    this.draw();
    const row = this.scroll.querySelector('tr[aria-selected="true"]');
    if (row) this.scroll.scrollTop = row.offsetTop - this.scroll.clientHeight / 2;
  }

  draw() {
    const all = this.rows();
    if (all.length === 0) {
      this.pager.part(all);
      const why = report.signals.length > 0 ? 'All signals are switched off above the chart.' : 'The trader signalled nothing on these candles.';
      this.scroll.replaceChildren(element('p', { class: 'soft' }, why));
      return;
    }
    const rows = this.pager.part(all).map((signal) => {
      const cells = this.columns.map(([, kind, , show]) => element('td', { class: kind }, show(signal)));
      const isChosen = signal.index === this.chart.chosen;
      const row = element('tr', { 'data-signal': signal.index, 'data-stream': signal.stream, 'data-open-time': signal.open_time_ms, 'aria-selected': String(isChosen) }, ...cells);
      row.addEventListener('click', () => this.choose(signal.index));
      return row;
    });
    const made = table('Signals', [], rows);
    const heads = this.columns.map(([title, kind], at) => {
      const isSorted = this.sort.by === at;
      const sort = () => {
        this.sort = { by: at, falls: isSorted && !this.sort.falls };
        this.pager.page = 0;
        this.draw();
        this.scroll.querySelectorAll('th button')[at].focus();
      };
      const mark = isSorted ? (this.sort.falls ? ' ↓' : ' ↑') : '';
      const label = title.startsWith('+') ? `Return after ${title.slice(1)} candles` : undefined;
      const order = isSorted ? (this.sort.falls ? 'descending' : 'ascending') : undefined;
      return element('th', { scope: 'col', class: kind, 'aria-sort': order }, element('button', { type: 'button', title: label, onclick: sort }, title + mark));
    });
    made.tHead.rows[0].append(...heads);
    this.scroll.replaceChildren(made);
  }
}

/** What one should know of a signal before it is counted. */
function remarks(signal) {
  const said = [];
  if (!signal.warm) said.push('before its warm-up');
  if (signal.historical) said.push('found in a warm-up');
  if (signal.missing_base_candles > 0) said.push(`${whole(signal.missing_base_candles)} base candles missing`);
  if (signal.missing_streams.length > 0) said.push(`no candle of ${signal.missing_streams.join(', ')}`);
  return said.join('; ');
}

function gapTable(section, jump) {
  const scroll = section.querySelector('.scroll');
  if (report.gaps.length === 0) {
    scroll.append(element('p', { class: 'soft' }, 'No candle is missing between the first and the last.'));
    return;
  }
  const columns = [['Symbol'], ['Interval'], ['First missing, UTC'], ['Next candle, UTC'], ['Missing', 'number']];
  const pager = new Pager(section.querySelector('.pager'), draw);
  function draw() {
    const rows = pager.part(report.gaps).map((gap) => {
      const stream = streams[gap.stream];
      const link = element('button', { type: 'button', class: 'link', title: 'Show it in the chart' }, minute(gap.from_open_ms));
      const row = element('tr', { 'data-jump': gap.from_open_ms }, element('td', {}, stream.symbol), element('td', {}, stream.interval), element('td', {}, link), element('td', {}, minute(gap.until_open_ms)), element('td', { class: 'number' }, whole(gap.missing)));
      row.addEventListener('click', () => jump(stream, gap.until_open_ms));
      return row;
    });
    scroll.replaceChildren(table('Gaps', columns, rows));
  }
  draw();
}

function faultTable(scroll, jump) {
  const columns = [['Candle closed, UTC'], ['Symbols'], ['Interval'], ['Outcome'], ['What was said']];
  const rows = report.cost.faults.map((fault) => {
    const stream = streams.find((stream) => fault.symbols.includes(stream.symbol) && stream.interval === fault.interval);
    const time = minute(fault.close_time_ms + 1);
    const link = stream ? element('button', { type: 'button', class: 'link', title: 'Show it in the chart' }, time) : time;
    const symbols = fault.symbols.length > 3 ? `${whole(fault.symbols.length)} symbols` : fault.symbols.join(', ') || '–';
    const row = element('tr', { 'data-jump': stream && fault.close_time_ms }, element('td', {}, link), element('td', {}, symbols), element('td', {}, fault.interval ?? '–'), element('td', { class: 'bad' }, fault.outcome), element('td', { class: 'words' }, fault.reason));
    if (stream) row.addEventListener('click', () => jump(stream, fault.close_time_ms + 1 - stream.intervalMs));
    return row;
  });
  if (rows.length > 0) scroll.append(table('Faults', columns, rows));
}
