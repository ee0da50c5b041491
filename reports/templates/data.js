// Data and nodes: unpacks the columns of a sheet when they are asked for, filters and sorts its rows.
// Names in a tenant are written by anybody: nodes are made from text alone, never from markup.
if (!window.DecompressionStream) return; // Too old a browser: what is in the page as plain HTML stays in sight.
const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($("data-" + id).textContent);
const tones = read("tones");

/** An element with attributes and children; strings become text. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const badge = (word, as = word) => {
  const [tone, shape] = tones[as] || ["muted", "–"];
  return el("span", {class: "badge", "data-tone": tone}, el("span", {"aria-hidden": "true"}, shape), " " + word);
};
const isLink = (text) => typeof text === "string" && /^https:\/\/[^\s"<>]+$/.test(text) && text.length <= 2000;
const link = (url, text) => el("a", {href: url, rel: "noopener noreferrer", target: "_blank"}, text);
const text = (value) => (value === null ? "" : String(value));
const told = (number) => number.toLocaleString("en");

// ---- Columns, unpacked one by one ---------------------------------------------------------------------------------
const sheets = new Map();
/** One sheet: its head at once, its columns when they are loaded. */
function sheet(slug) {
  if (!sheets.has(slug)) {
    const data = read(slug);
    data.place = new Map(data.columns.map((column, index) => [column.header, index]));
    data.values = data.columns.map(() => null);
    data.rows = data.columns.map(() => null);
    data.loading = [];
    data.ranks = [];
    data.at = (column, row) => (data.rows[column] ? data.values[column][data.rows[column][row]] : data.values[column][row]);
    data.get = (header, row) => data.at(data.place.get(header), row);
    sheets.set(slug, data);
  }
  return sheets.get(slug);
}
function bytesOf(packed) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(packed);
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes;
}
/** Values as JSON, a line feed, then the rows' places among them; see reports/page_data.py. */
async function unpack(data, column) {
  const packed = bytesOf($(`data-${data.slug}-${column}`).textContent);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const width = data.columns[column].bytes;
  const end = width ? bytes.indexOf(10) : bytes.length;
  const values = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  if (width) {
    const Places = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array}[width];
    data.rows[column] = new Places(bytes.slice(end + 1).buffer);
  }
  data.values[column] = values;
}
const load = (data, column) => (data.loading[column] ||= unpack(data, column));
/** Which of these columns (all without a list) are not here yet. */
const missing = (data, headers) => (headers ? headers.map((header) => data.place.get(header)) : data.columns.map((_, index) => index))
  .filter((index) => index !== undefined && !data.values[index]).map((index) => [data, index]);

// ---- Filter and sort: each different value is looked at once, not each row ----------------------------------------
const collator = new Intl.Collator("en", {numeric: true, sensitivity: "base"});
const MANY = 20000;
/** For each of a column's values its rank when sorted (its own order of words, numbers, the alphabet); what is empty has the last. */
function ranks(data, column) {
  if (!data.ranks[column]) {
    const {order} = data.columns[column];
    const values = data.values[column];
    const words = values.map((value) => text(value).toLowerCase());
    const alike = values.length > MANY ? (a, b) => (words[a] < words[b] ? -1 : words[a] > words[b] ? 1 : 0) : (a, b) => collator.compare(words[a], words[b]);
    const key = (value) => (value === null ? 1e9 : order.length ? (order.indexOf(value) + 1 || 1e8) : 0);
    const places = values.map((_, index) => index).sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (key(x) !== key(y)) return key(x) - key(y);
      return typeof x === "number" && typeof y === "number" ? x - y : alike(a, b);
    });
    const result = new Uint32Array(values.length);
    let rank = 0;
    places.forEach((place, index) => {
      if (index && values[place] !== values[places[index - 1]]) rank += 1;
      result[place] = rank;
    });
    result.top = rank;
    result.empty = values.includes(null) ? rank : -1;
    data.ranks[column] = result;
  }
  return data.ranks[column];
}
/** Rows in the order of a column, equal ones as they were, empty ones last both ways. Counts, and compares nothing. */
function sorted(found, data, column, down) {
  const rank = ranks(data, column);
  const rows = data.rows[column];
  const of = (row) => {
    const own = rank[rows ? rows[row] : row];
    return own === rank.empty ? rank.top + 1 : down ? rank.top - own : own;
  };
  const starts = new Uint32Array(rank.top + 3);
  for (const row of found) starts[of(row) + 1] += 1;
  for (let at = 1; at < starts.length; at += 1) starts[at] += starts[at - 1];
  const result = new Uint32Array(found.length);
  for (const row of found) { result[starts[of(row)]] = row; starts[of(row)] += 1; }
  return result;
}
/** Row numbers that pass the filters, in order. */
function select(data, state) {
  let keep = null;
  const narrowTo = (passes) => {
    const next = new Uint8Array(data.count);
    for (let row = 0; row < data.count; row += 1) if ((!keep || keep[row]) && passes(row)) next[row] = 1;
    keep = next;
  };
  for (const [header, wanted] of state.filters) {
    const column = data.place.get(header);
    if (column === undefined) continue;
    const hits = data.values[column].map((value) => wanted.has(text(value)));
    const rows = data.rows[column];
    narrowTo(rows ? (row) => hits[rows[row]] : (row) => hits[row]);
  }
  for (const term of state.q.toLowerCase().split(/\s+/).filter(Boolean)) {
    const hits = data.values.map((values) => Uint8Array.from(values, (value) => value !== null && String(value).toLowerCase().includes(term)));
    const used = hits.map((_, column) => column).filter((column) => hits[column].includes(1));
    narrowTo((row) => used.some((column) => hits[column][data.rows[column] ? data.rows[column][row] : row]));
  }
  const found = new Uint32Array(data.count);
  let size = 0;
  for (let row = 0; row < data.count; row += 1) if (!keep || keep[row]) { found[size] = row; size += 1; }
  const column = data.place.get(state.sort.replace(/^-/, ""));
  const rows = found.subarray(0, size);
  return column === undefined ? rows : sorted(rows, data, column, state.sort.startsWith("-"));
}
