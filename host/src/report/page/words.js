// Numbers, times and elements. Every word of a trader goes through `text`, never through markup.

const pad = (number) => String(number).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MINUS = '\u2212';

/** `2026-01-05 10:00`, UTC. */
function minute(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '–';
  return `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())} ${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
}

const formats = new Map();
function fixed(value, decimals) {
  if (!Number.isFinite(value)) return '–';
  const places = Math.max(0, Math.min(12, decimals));
  if (!formats.has(places)) {
    formats.set(places, new Intl.NumberFormat('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  // Nobody reads a negative zero.
  return formats.get(places).format(value || 0).replace('-', MINUS).replace(/^\u2212(?=[0.,]*$)/, '');
}

const whole = (value) => fixed(value, 0);
const compact = (value) =>
  Number.isFinite(value) ? new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 4 }).format(value || 0) : '–';

/** A value of a line, in as many digits as people compare. */
function short(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e7 || (size > 0 && size < 1e-6)) return value.toPrecision(4).replace('-', MINUS);
  const whole = size >= 1 ? Math.floor(Math.log10(size)) + 1 : 0;
  return fixed(value, size >= 1 ? Math.max(2, 6 - whole) - (whole > 4 ? 0 : 1) : 6);
}

/** `+1.25%`; enough places to tell small ones apart. */
function percent(value) {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const places = size >= 100 ? 1 : size >= 0.1 || size === 0 ? 2 : 3;
  const text = fixed(size, places);
  const sign = Number(text.replace(/,/g, '')) === 0 ? '' : value > 0 ? '+' : MINUS;
  return `${sign}${text}%`;
}

const share = (value) => (value === null ? '–' : `${fixed(value * 100, 1)}%`);
const bytes = (value) => (value < 1 << 20 ? `${whole(value / 1024)} KiB` : `${fixed(value / (1 << 20), 1)} MiB`);
const leaning = (value) => (value > 0 ? 'up' : value < 0 ? 'down' : '');

/** An element with attributes and children; what is no element becomes text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key === 'onclick') made.addEventListener('click', value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

const dot = (tag) => element('span', { class: `dot tag-${(tagIndex.get(tag) ?? 0) % 8}`, 'aria-hidden': 'true' });

/** Rows of names and values. */
function facts(list, entries) {
  for (const [name, value, kind] of entries) {
    list.append(element('div', {}, element('dt', {}, name), element('dd', { class: kind }, value)));
  }
}

/** A table with a head; `columns` are [title, class]. */
function table(label, columns, rows) {
  const head = columns.map(([title, kind]) => element('th', { scope: 'col', class: kind }, title));
  return element('table', { 'aria-label': label }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
}
