// Figures that stand still: what price did after signals, what the trader cost, what it was given.

function svg(name, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How returns are distributed: falls left of the line at zero, rises right of it. */
function spreadOf(histogram) {
  if (!histogram) return '–';
  const { width, counts } = histogram;
  const most = Math.max(...counts);
  const half = counts.length / 2;
  const edge = (bin) => (bin - half) * width;
  const bars = counts.map((count, bin) => {
    const height = count === 0 ? 0 : Math.max(1.5, (count / most) * 27);
    const [from, to] = [percent(edge(bin)), percent(edge(bin + 1))];
    const words = bin === 0 ? `up to ${to}` : bin === counts.length - 1 ? `above ${from}` : `${from} to ${to}`;
    return svg('rect', { class: bin < half ? 'fall' : 'rise', x: bin * 8.5, y: 28 - height, width: 7.5, height }, svg('title', {}, `${words}: ${whole(count)}`));
  });
  const zero = svg('line', { class: 'zero', x1: half * 8.5 - 0.5, x2: half * 8.5 - 0.5, y1: 0, y2: 30 });
  const label = `Distribution of returns in steps of ${percent(width).slice(1)}: ${counts.join(', ')}`;
  return svg('svg', { class: 'spread', viewBox: '0 0 136 30', role: 'img', 'aria-label': label }, ...bars, zero);
}

function returnsTable(section) {
  const scroll = section.querySelector('.scroll');
  const { tags, every_candle: every } = report.returns;
  if (tags.length === 0) {
    scroll.append(element('p', { class: 'soft' }, 'Without signals there is nothing to look after.'));
    return;
  }
  const columns = [['After'], ['Known', 'number'], ['Rose', 'number'], ['Any candle', 'number'], ['Mean', 'number'], ['Median', 'number'], ['Distribution'], ['Middle half', 'number']];
  const line = (returns, at) => {
    const { percent: spread } = returns;
    const any = every[at];
    const cell = (text, kind = '') => element('td', { class: `number ${kind}` }, text);
    const value = (name) => (spread ? cell(percent(spread[name]), leaning(spread[name])) : cell('–'));
    return element(
      'tr',
      { 'data-horizon': returns.candles },
      element('th', { scope: 'row' }, `+${returns.candles}`),
      cell(returns.absent > 0 ? `${whole(returns.count)} of ${whole(returns.count + returns.absent)}` : whole(returns.count)),
      cell(share(returns.hit_rate)),
      cell(returns === any ? '' : share(any.hit_rate), 'soft'),
      value('mean'),
      value('median'),
      element('td', {}, spreadOf(returns.histogram)),
      cell(spread ? `${percent(spread.lower_quartile)} … ${percent(spread.upper_quartile)}` : '–'),
    );
  };
  const group = (name, words, horizons) => [
    element('tr', { class: 'group' }, element('th', { scope: 'colgroup', colspan: columns.length }, name, element('span', { class: 'soft' }, words))),
    ...horizons.map(line),
  ];
  const inOrder = [...tags].sort((a, b) => tagIndex.get(a.tag) - tagIndex.get(b.tag));
  const rows = inOrder.flatMap(({ tag, signals, horizons }) => {
    const help = report.tags.find((known) => known.name === tag)?.help;
    return group(element('span', {}, dot(tag), ` ${tag}`), ` · ${whole(signals)} ${signals === 1 ? 'signal' : 'signals'}${help ? ` · ${help}` : ''}`, horizons);
  });
  rows.push(...group('Any candle', ' · every one of the streams with signals, whether it signalled or not', every));
  scroll.append(table('Returns after signals', columns, rows));
}

function costFigures(section, jump) {
  const { cost } = report;
  const memory = element('meter', { min: 0, max: cost.memory_budget_bytes, high: cost.memory_budget_bytes * 0.8, value: cost.peak_memory_bytes, 'aria-label': 'Memory of its budget' });
  const failed = Object.entries(cost.outcomes).filter(([outcome, count]) => outcome !== 'ok' && count > 0);
  const entries = [
    ['Evaluations', whole(cost.evaluations)],
    ['Calls that returned', whole(cost.outcomes.ok ?? 0)],
    ['Calls that did not', failed.length === 0 ? 'none' : failed.map(([outcome, count]) => `${whole(count)} ${outcome}`).join(', '), failed.length > 0 ? 'bad' : ''],
  ];
  if (cost.quarantined) entries.push(['Quarantined', 'yes, it faulted too often', 'bad']);
  if (cost.fuel) {
    entries.push(['Fuel an evaluation, median', whole(cost.fuel.median)], ['Fuel, mean', whole(cost.fuel.mean)], ['Fuel, most', whole(cost.fuel.greatest)], ['Longest call', `${whole(cost.longest_call_fuel)} fuel for ${whole(cost.longest_call_symbols)} ${cost.longest_call_symbols === 1 ? 'symbol' : 'symbols'}`], ['Fuel in all', compact(cost.fuel_total)]);
  }
  entries.push(
    ['Memory at most', element('span', {}, memory, ` ${bytes(cost.peak_memory_bytes)} of ${bytes(cost.memory_budget_bytes)}`)],
    ['Signals held back by its rules', whole(cost.held_back)],
    ['Instances made', whole(cost.instances)],
  );
  if (cost.over_limit > 0) entries.push(['Held back, above the limit of a minute', whole(cost.over_limit), 'bad']);
  if (cost.log_lines_dropped > 0) entries.push(['Log lines dropped', whole(cost.log_lines_dropped), 'bad']);
  facts(section.querySelector('.facts'), entries);
  faultTable(section.querySelector('.scroll'), jump);
}

function paramTable(scroll) {
  if (report.params.length === 0) {
    scroll.append(element('p', { class: 'soft' }, 'The trader has no parameters.'));
    return;
  }
  const bounds = ({ minimum, maximum, choices }) => {
    if (choices.length > 0) return choices.join(', ');
    if (minimum !== null && maximum !== null) return `${minimum} to ${maximum}`;
    return minimum !== null ? `from ${minimum}` : maximum !== null ? `up to ${maximum}` : '–';
  };
  const rows = report.params.map((param) => {
    const isChanged = param.value !== param.default;
    const value = isChanged ? element('strong', {}, String(param.value)) : String(param.value);
    return element('tr', {}, element('th', { scope: 'row' }, param.name), element('td', {}, value), element('td', { class: 'soft' }, String(param.default)), element('td', { class: 'words soft' }, bounds(param)), element('td', { class: 'words' }, param.help));
  });
  scroll.append(table('Parameters', [['Name'], ['Value'], ['Default'], ['Allowed'], ['What it does']], rows));
}

function traderFigures(section) {
  const { trader, subscription } = report;
  const { hygiene } = subscription;
  const rules = [];
  if (hygiene.on_transition) rules.push('only when the candle before had none');
  if (hygiene.cooldown_candles > 0) rules.push(`none for ${whole(hygiene.cooldown_candles)} candles after one`);
  if (hygiene.cooldown_ms > 0) rules.push(`none for ${whole(hygiene.cooldown_ms / 1000)} s after one`);
  if (hygiene.max_per_run > 0) rules.push(`at most ${whole(hygiene.max_per_run)} at one close`);
  const entries = [
    ['Module, sha256', element('code', {}, trader.module_sha256)],
    ['Size', bytes(trader.module_bytes)],
    ['ABI', trader.abi],
    ['Built with', trader.sdk],
    ['Symbols', subscription.symbols.join(', ') || 'all'],
  ];
  if (subscription.other_streams.length > 0) entries.push(['Reads beside them', subscription.other_streams.join(', ')]);
  entries.push(['Rules of its signals', rules.join('; ') || 'none but once a candle']);
  facts(section.querySelector('.facts'), entries);
  const scroll = section.querySelector('.scroll');
  const needs = subscription.needs.map((need) => element('tr', {}, element('th', { scope: 'row' }, need.interval), element('td', { class: 'number' }, whole(need.warm_up)), element('td', { class: 'number' }, whole(need.lookback))));
  scroll.append(table('Candles that it wants', [['Interval'], ['Warm-up, candles', 'number'], ['Lookback, candles', 'number']], needs));
  const tags = report.tags.map((tag) => element('tr', {}, element('th', { scope: 'row' }, dot(tag.name), ` ${tag.name}`), element('td', { class: 'words' }, tag.help)));
  scroll.append(table('Signals that it gives', [['Signal'], ['Meaning']], tags));
  if (report.plots.length > 0) {
    const plots = report.plots.map((plot) => element('tr', {}, element('th', { scope: 'row' }, plot.id), element('td', { class: 'words' }, plot.title), element('td', {}, plot.panel)));
    scroll.append(table('Values that it plots', [['Plot'], ['Lines'], ['Panel']], plots));
  }
}
