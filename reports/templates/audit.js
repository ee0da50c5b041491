"use strict";
// The page's tables: reads the dictionary-encoded data, filters, sorts and shows rows; state lives in the address.
// Names in a tenant are written by anybody: nodes are made from text alone, never from markup.
(() => {
const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($("data-" + id).textContent);
const tones = read("tones");
const SLUGS = [...document.querySelectorAll("#tabs a")].map((link) => link.dataset.view);
const MAX_HEIGHT = 8e6; // Browsers cap the height of a box; beyond this the scroll bar stands for shares, not pixels.
const PAPER_ROWS = 2000;
const narrow = matchMedia("(max-width: 800px)");

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

// ---- Data -------------------------------------------------------------------------------------------------------
const sheets = new Map();
/** One sheet: parsed when first asked for, its text let go. */
function sheet(slug) {
  if (!sheets.has(slug)) {
    const data = read(slug);
    $("data-" + slug).remove();
    data.place = new Map(data.columns.map((column, index) => [column.header, index]));
    data.rows = data.rows.map((row) => row && Uint32Array.from(row));
    data.at = (column, row) => (data.rows[column] ? data.values[column][data.rows[column][row]] : data.values[column][row]);
    data.get = (header, row) => data.at(data.place.get(header), row);
    data.ranks = [];
    sheets.set(slug, data);
  }
  return sheets.get(slug);
}
const text = (value) => (value === null ? "" : String(value));
const collator = new Intl.Collator("en", {numeric: true, sensitivity: "base"});

/** For each of a column's values its rank when sorted: by the column's own order of words, numbers, then the alphabet. */
function ranks(data, column) {
  if (!data.ranks[column]) {
    const {order} = data.columns[column];
    const values = data.values[column];
    const key = (value) => (value === null ? 1e9 : order.length ? (order.indexOf(value) + 1 || 1e8) : 0);
    const places = values.map((_, index) => index).sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (key(x) !== key(y)) return key(x) - key(y);
      return typeof x === "number" && typeof y === "number" ? x - y : collator.compare(text(x), text(y));
    });
    const result = new Uint32Array(values.length);
    let rank = 0;
    places.forEach((place, index) => {
      if (index && values[place] !== values[places[index - 1]]) rank += 1;
      result[place] = rank;
    });
    data.ranks[column] = result;
  }
  return data.ranks[column];
}

/** Row numbers that pass the filters, in order. Each different value is looked at once, not each row. */
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
  let found = [];
  for (let row = 0; row < data.count; row += 1) if (!keep || keep[row]) found.push(row);
  if (state.sort) {
    const column = data.place.get(state.sort.replace(/^-/, ""));
    if (column !== undefined) {
      const rank = ranks(data, column);
      const rows = data.rows[column];
      const of = rows ? (row) => rank[rows[row]] : (row) => rank[row];
      const sign = state.sort.startsWith("-") ? -1 : 1;
      const empty = (row) => data.at(column, row) === null;
      found.sort((a, b) => empty(a) - empty(b) || sign * (of(a) - of(b)) || a - b);
    }
  }
  return found;
}

// ---- State in the address ---------------------------------------------------------------------------------------
const RESERVED = new Set(["q", "sort", "cols"]);
function decode(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}
/** #view/item?q=…&sort=-Header&cols=A|B&Header=value&Header=value */
function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  let [view, item = ""] = path.split(/\/(.*)/s).map(decode);
  if (view.startsWith("page-")) [view, item] = ["checks", view.slice(5)];
  if (view && !SLUGS.includes(view) && $("page-" + view)) {
    if (item) view = "findings"; else [view, item] = ["checks", view];
  }
  if (!SLUGS.includes(view)) [view, item] = ["findings", ""];
  const parameters = new URLSearchParams(query);
  const filters = new Map();
  for (const [key, value] of parameters) {
    if (RESERVED.has(key)) continue;
    if (!filters.has(key)) filters.set(key, new Set());
    filters.get(key).add(value);
  }
  const cols = parameters.get("cols");
  return {view, item, q: parameters.get("q") || "", sort: parameters.get("sort") || "", cols: cols ? cols.split("|") : null, filters};
}
function format(state) {
  const parameters = new URLSearchParams();
  if (state.q) parameters.set("q", state.q);
  for (const [header, values] of state.filters) for (const value of values) parameters.append(header, value);
  if (state.sort) parameters.set("sort", state.sort);
  if (state.cols) parameters.set("cols", state.cols.join("|"));
  const query = parameters.toString().replace(/\+/g, "%20");
  return "#" + state.view + (state.item ? "/" + encodeURIComponent(state.item) : "") + (query ? "?" + query : "");
}
let state = parse(location.hash);
/** Change the state; typing and filtering replace the entry in the history, moving to another view adds one. */
function change(part, add = false) {
  state = {...state, ...part};
  const hash = format(state);
  if (add) history.pushState(null, "", hash); else history.replaceState(null, "", hash);
  show();
}

// ---- The table --------------------------------------------------------------------------------------------------
let data = null;
let found = [];
let shownKey = "";
let columns = [];
let first = -1;
let last = -1;
let focused = -1;
const scroller = $("scroller");
/** Two lines where a column holds sentences. */
const isTall = () => columns.some((index) => data.columns[index].wrap) || data.slug === "findings";
const rowHeight = () => (isTall() ? 46 : 37);
/** A failed check is as serious as its worst open finding. */
const toneOf = (source, header, row, value) => (source.slug === "checks" && header === "Outcome" && value === "fail" ? source.get("Worst finding", row) || "known" : value);
const main = () => (data.slug === "findings" ? "Summary" : data.columns[0].header);
/** What names a row in the address. */
const KEYS = {findings: "Fingerprint", apps: "App ID", checks: "Check", coverage: "Source", "conditional-access": "Policy ID"};
const keyOf = (row) => (KEYS[data.slug] ? text(data.get(KEYS[data.slug], row)) : String(row + 1));

function visibleColumns() {
  if (state.cols) return state.cols.map((header) => data.place.get(header)).filter((index) => index !== undefined);
  const all = data.columns.map((column, index) => index).filter((index) => !data.columns[index].hidden);
  return narrow.matches && data.slug === "findings" ? all.slice(0, 2) : all;
}
function drawHead() {
  columns = visibleColumns();
  let total = 0;
  $("colgroup").replaceChildren(...columns.map((index) => {
    const column = data.columns[index];
    const col = el("col");
    // As wide as what is in it, as far as the first rows tell, within what the column may take.
    const longest = Math.max(0, ...data.values[index].slice(0, 1000).map((value) => text(value).length)) * 7.9 + (column.toned ? 72 : 28);
    const most = column.facet && data.values[index].length < 100 ? 330 : Math.min(330, column.width * 7.9 + 28);
    const width = Math.max(Math.min(longest, most), column.header.length * 8 + 34);
    const flexible = column.header === main();
    if (!flexible) col.style.width = width + "px";
    total += flexible ? Math.min(data.slug === "findings" ? 340 : 230, Math.max(200, innerWidth - 190)) : width;
    return col;
  }));
  $("table").style.minWidth = total + "px";
  $("head").replaceChildren(...columns.map((index) => {
    const column = data.columns[index];
    const sorted = state.sort.replace(/^-/, "") === column.header;
    const down = state.sort.startsWith("-");
    // Of numbers people want the largest first, of words the beginning of the alphabet.
    const [once, twice] = column.kind === "integer" ? ["-" + column.header, column.header] : [column.header, "-" + column.header];
    const flip = () => change({sort: state.sort === once ? twice : state.sort === twice ? "" : once});
    const arrow = sorted ? el("span", {class: "arrow", "aria-hidden": "true"}, down ? " ▼" : " ▲") : null;
    return el("th", {scope: "col", "aria-sort": sorted ? (down ? "descending" : "ascending") : null},
      el("button", {type: "button", title: column.meaning + " Sort.", on: {click: flip}}, column.header, arrow));
  }));
}
function drawRow(position) {
  const row = found[position];
  const cells = columns.map((index) => {
    const column = data.columns[index];
    const value = data.at(index, row);
    let content = value === null ? "" : column.kind === "integer" && typeof value === "number" ? value.toLocaleString("en") : text(value);
    if (content.length > 300) content = content.slice(0, 300) + "…";
    if (column.header === main()) {
      return el("th", {scope: "row"}, el("button", {type: "button", class: "open", "data-position": position}, content || "(no name)"));
    }
    if (column.toned && value !== null) return el("td", {}, badge(value, toneOf(data, column.header, row, value)));
    if (column.wrap) return el("td", {title: content.length > 30 ? content : null}, el("span", {class: "clamp"}, content));
    return el("td", {class: column.kind === "integer" ? "number" : null, title: content.length > 30 ? content : null}, content);
  });
  return el("tr", {class: "row", "aria-rowindex": position + 2, "data-position": position}, ...cells);
}
/** Which rows the scroll position asks for. In a table higher than a browser can hold, positions are shares of the whole. */
function geometry() {
  const height = rowHeight();
  const total = found.length * height;
  const fit = Math.max(1, Math.floor((scroller.clientHeight - $("head").offsetHeight) / height));
  const scaled = total > MAX_HEIGHT;
  const way = Math.max(1, scroller.scrollHeight - scroller.clientHeight);
  const lastTop = Math.max(0, found.length - fit);
  const top = Math.max(0, Math.min(lastTop, scaled ? Math.round((scroller.scrollTop / way) * lastTop) : Math.floor(scroller.scrollTop / height)));
  return {height, total, fit, scaled, way, lastTop, top};
}
function draw(force) {
  const {height, total, scaled, top} = geometry();
  const from = Math.max(0, top - 6);
  // The box grows with what is in it, so the window says how many rows may show, not the box.
  const to = Math.min(found.length, top + Math.ceil(innerHeight / height) + 7);
  if (!force && from === first && to === last && !scaled) return;
  [first, last] = [from, to];
  const before = scaled ? Math.max(0, scroller.scrollTop - (top - from) * height) : from * height;
  const after = Math.max(0, Math.min(total, MAX_HEIGHT) - before - (to - from) * height);
  const rows = [];
  for (let position = from; position < to; position += 1) {
    const row = drawRow(position);
    row.style.height = height + "px";
    rows.push(row);
  }
  const pad = (size) => {
    const cell = el("td", {colspan: columns.length});
    cell.style.height = size + "px";
    return el("tr", {class: "pad", "aria-hidden": "true"}, cell);
  };
  if (!found.length) {
    const nothing = data.unread.length ? `Not read: ${data.unread.join(", ")}. This is a gap, not an empty list.` : data.gap || data.empty || "There is nothing here.";
    const why = data.count ? "Nothing matches. Change the search or the filters, or reset them." : nothing;
    rows.push(el("tr", {}, el("td", {class: "none", colspan: columns.length}, why)));
  }
  $("body").replaceChildren(...(before ? [pad(before)] : []), ...rows, ...(after ? [pad(after)] : []));
  if (focused >= from && focused < to) $("body").querySelector(`button[data-position="${focused}"]`)?.focus({preventScroll: true});
}
function focusRow(position) {
  focused = Math.max(0, Math.min(found.length - 1, position));
  const {height, fit, scaled, way, lastTop, top} = geometry();
  if (focused < top || focused >= top + fit) {
    const wanted = Math.min(lastTop, focused < top ? focused : focused - fit + 1);
    scroller.scrollTop = scaled ? (wanted / Math.max(1, lastTop)) * way : wanted * height;
  }
  draw(true);
}

// ---- Filters ----------------------------------------------------------------------------------------------------
function drawFacets() {
  const offered = data.columns.map((column, index) => [column, index]).filter(([column, index]) => column.facet && data.values[index].length > 1 && data.values[index].length <= 60);
  const extra = [...state.filters.keys()].filter((header) => data.place.has(header) && !offered.some(([column]) => column.header === header));
  $("facets").replaceChildren(...offered.map(([column, index]) => {
    const wanted = state.filters.get(column.header);
    const rank = ranks(data, index);
    const values = data.values[index].map((value, place) => [value, rank[place]]).sort((a, b) => a[1] - b[1]).map(([value]) => text(value));
    const options = [el("option", {value: "*"}, column.header + ": all")];
    if (wanted && wanted.size > 1) options.push(el("option", {value: "**", selected: true}, column.header + ": " + [...wanted].join(", ")));
    for (const value of values) options.push(el("option", {value: "=" + value, selected: wanted?.size === 1 && wanted.has(value)}, (value.length > 60 ? value.slice(0, 60) + "…" : value) || "(empty)"));
    const pick = (event) => {
      const {value} = event.target;
      if (value !== "**") setFilter(column.header, value === "*" ? [] : [value.slice(1)]);
    };
    return el("label", {}, el("span", {class: "sr"}, "Filter " + column.header), el("select", {class: wanted ? "set" : null, title: column.meaning, on: {change: pick}}, ...options));
  }), ...extra.map((header) => el("button", {type: "button", on: {click: () => setFilter(header, [])}}, `${header}: ${[...state.filters.get(header)].join(", ").slice(0, 60)} ✕`)));
  $("chooser").hidden = data.columns.length < 3;
  $("columns").replaceChildren(...data.columns.map((column, index) => {
    const flip = () => {
      const now = new Set(visibleColumns());
      if (now.has(index)) now.delete(index); else now.add(index);
      now.add(data.place.get(main()));
      change({cols: data.columns.map((_, place) => place).filter((place) => now.has(place)).map((place) => data.columns[place].header)});
    };
    return el("label", {title: column.meaning}, el("input", {type: "checkbox", checked: visibleColumns().includes(index), disabled: column.header === main(), on: {change: flip}}), " " + column.header);
  }));
}
function setFilter(header, values) {
  const filters = new Map(state.filters);
  if (values.length) filters.set(header, new Set(values)); else filters.delete(header);
  change({filters});
}

// ---- One row in the panel ---------------------------------------------------------------------------------------
const dialog = $("detail");
let place = -1;
function facts(source, row, leave = []) {
  const items = source.columns.filter((column) => !leave.includes(column.header)).map((column) => [column, source.get(column.header, row)]).filter(([, value]) => value !== null && value !== "");
  return el("dl", {class: "facts-list"}, ...items.map(([column, value]) => el("div", {}, el("dt", {title: column.meaning}, column.header), el("dd", {}, column.toned ? badge(value, toneOf(source, column.header, row, value)) : isLink(value) ? link(value, value) : text(value)))));
}
function command(line) {
  const button = el("button", {type: "button"}, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
    } catch {
      const box = el("textarea", {});
      box.value = line;
      dialog.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return el("div", {class: "command-line"}, el("pre", {}, line), button);
}
function pageOf(slug) {
  const article = $("page-" + slug);
  if (!article) return [];
  const copy = article.cloneNode(true);
  copy.removeAttribute("id");
  return [el("h3", {}, "About this check"), copy];
}
function findingDetail(source, row) {
  const get = (header) => source.get(header, row);
  const parts = [el("p", {}, badge(get("Severity")), " ", el("span", {class: "quiet"}, `${get("Certainty")} · ${get("Check")}`), get("State") === "new" ? null : badge(get("State")))];
  parts.push(el("h3", {}, "Fix"), el("p", {}, text(get("Fix"))));
  for (const line of text(get("Commands")).split("\n").filter(Boolean)) parts.push(command(line));
  const links = [[get("Fix page"), "Open the page that does it"], [get("Help"), "Microsoft's page"]].filter(([url]) => isLink(url));
  parts.push(el("p", {class: "links"}, ...links.map(([url, label]) => link(url, label)), get("App ID") ? el("a", {href: "#apps/" + encodeURIComponent(get("App ID"))}, "Everything about this app") : null));
  if (get("Evidence")) parts.push(el("h3", {}, "Evidence"), el("pre", {}, get("Evidence")));
  parts.push(el("h3", {}, "Facts"), facts(source, row, ["Severity", "Certainty", "Summary", "Fix", "Commands", "Fix page", "Help", "Evidence", "State"]));
  return [...parts, ...pageOf(get("Check"))];
}
/** Everything of another sheet that belongs to an app, as a short list. */
function belonging(slug, appId, title, line) {
  const source = sheet(slug);
  const column = source.place.get("App ID");
  const rows = [];
  for (let row = 0; row < source.count && rows.length < 200; row += 1) if (source.at(column, row) === appId) rows.push(row);
  if (!rows.length) return [];
  const more = el("a", {href: `#${slug}?App%20ID=${encodeURIComponent(appId)}`}, "Show in the table");
  return [el("h3", {}, `${title} (${rows.length}${rows.length === 200 ? " or more" : ""}) `, more), el("ul", {class: "mini"}, ...rows.map((row) => el("li", {}, ...line(source, row))))];
}
function appDetail(source, row) {
  const id = source.get("App ID", row);
  const word = (value) => (value === null ? el("span", {class: "badge", "data-tone": "muted"}, "– not known") : badge(value));
  return [
    source.gap ? el("p", {class: "coverage", "data-tone": "medium"}, el("span", {"aria-hidden": "true"}, "■ "), source.gap) : null,
    ...belonging("findings", id, "Findings", (from, at) => [badge(from.get("Severity", at)), el("a", {href: "#findings/" + from.get("Fingerprint", at)}, from.get("Summary", at))]),
    ...belonging("permissions", id, "Permissions", (from, at) => [word(from.get("Status", at)), el("span", {}, `${from.get("Permission", at) || from.get("Permission ID", at)} (${from.get("Type", at)}, ${from.get("Resource", at) || "unknown resource"})`)]),
    ...belonging("predictions", id, "Predictions", (from, at) => [word(from.get("Verdict", at)), el("span", {}, `${from.get("Call", at)}: ${from.get("Reason", at) || ""}`)]),
    ...belonging("credentials", id, "Credentials", (from, at) => [word(from.get("State", at)), el("span", {}, `${from.get("Kind", at)} ${from.get("Name", at) || ""}, ends ${from.get("Ends", at) || "never"}`)]),
    el("h3", {}, "Facts"), facts(source, row, ["App name"]),
  ];
}
function openPanel() {
  const row = found[place];
  $("detail-title").textContent = text(data.get(main(), row)) || "(no name)";
  const body = data.slug === "findings" ? findingDetail(data, row) : data.slug === "apps" ? appDetail(data, row) : [facts(data, row), ...(data.slug === "checks" ? pageOf(data.get("Check", row)) : [])];
  $("detail-body").replaceChildren(...body.filter((part) => part !== null));
  $("place").textContent = `${(place + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}`;
  $("previous").disabled = place <= 0;
  $("next").disabled = place >= found.length - 1;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  $("detail-title").focus({preventScroll: true});
}
/** Open the row that the address names. A filter that hides it gives way. */
function followItem() {
  if (!state.item) {
    if (dialog.open) dialog.close();
    return;
  }
  place = found.findIndex((row) => keyOf(row) === state.item);
  if (place < 0 && (state.q || state.filters.size)) {
    state = {...state, q: "", filters: new Map()};
    history.replaceState(null, "", format(state));
    show();
    return;
  }
  if (place < 0) {
    if (dialog.open) dialog.close();
    $("shown").textContent = `There is no ${state.item.slice(0, 60)} here.`;
    return;
  }
  openPanel();
}
const step = (by) => { if (found[place + by] !== undefined) change({item: keyOf(found[place + by])}); };
function closed() {
  if (!state.item) return;
  const at = place;
  change({item: ""});
  if (at >= 0) focusRow(at);
}

// ---- Everything -------------------------------------------------------------------------------------------------
function show() {
  data = sheet(state.view);
  const key = format({...state, item: ""});
  if (key !== shownKey) {
    const sameView = shownKey.split(/[?/]/)[0] === "#" + state.view;
    shownKey = key;
    $("overview").hidden = state.view !== "findings";
    for (const tab of document.querySelectorAll("#tabs a")) {
      if (tab.dataset.view === state.view) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
    }
    const severities = state.view === "findings" ? state.filters.get("Severity") : null;
    for (const button of document.querySelectorAll(".severity")) button.setAttribute("aria-pressed", String(Boolean(severities?.has(button.dataset.severity))));
    $("view-title").textContent = data.title;
    $("view-meaning").textContent = data.meaning + (data.gap ? " Incomplete: " + data.gap : "");
    $("caption").textContent = data.title + ": " + data.meaning;
    if ($("search").value !== state.q) $("search").value = state.q;
    found = select(data, state);
    $("shown").textContent = `${found.length.toLocaleString("en")} of ${data.count.toLocaleString("en")} shown`;
    $("reset").disabled = !(state.q || state.filters.size || state.sort || state.cols);
    $("table").setAttribute("aria-rowcount", found.length + 1);
    focused = -1;
    drawHead();
    $("table").classList.toggle("two", isTall());
    drawFacets();
    scroller.scrollTop = 0;
    if (!sameView) scrollTo(0, 0);
    draw(true);
  }
  followItem();
}
let waiting = 0;
$("search").addEventListener("input", (event) => {
  clearTimeout(waiting);
  const q = event.target.value;
  waiting = setTimeout(() => change({q}), data.count > 20000 ? 160 : 0);
});
$("reset").addEventListener("click", () => change({q: "", sort: "", cols: null, filters: new Map()}));
$("body").addEventListener("click", (event) => {
  const row = event.target.closest("tr.row");
  if (row) change({item: keyOf(found[Number(row.dataset.position)])}, true);
});
$("body").addEventListener("keydown", (event) => {
  const button = event.target.closest("button.open");
  const jump = {ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12}[event.key];
  if (!button || !jump) return;
  event.preventDefault();
  focusRow(Number(button.dataset.position) + jump);
});
$("body").addEventListener("focusin", (event) => { focused = Number(event.target.dataset?.position ?? -1); });
$("body").addEventListener("focusout", (event) => { if (event.relatedTarget) focused = -1; });
for (const button of document.querySelectorAll(".severity")) {
  button.addEventListener("click", () => {
    const now = new Set(state.view === "findings" ? state.filters.get("Severity") : []);
    if (now.has(button.dataset.severity)) now.delete(button.dataset.severity); else now.add(button.dataset.severity);
    setFilter("Severity", [...now]);
    if ($("browser").getBoundingClientRect().top > innerHeight * 0.7) $("browser").scrollIntoView();
  });
}
scroller.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), {passive: true});
addEventListener("resize", () => { drawHead(); draw(true); });
addEventListener("hashchange", () => { state = parse(location.hash); show(); });
addEventListener("popstate", () => { state = parse(location.hash); show(); });
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", closed);
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// ---- Paper ------------------------------------------------------------------------------------------------------
let opened = [];
addEventListener("beforeprint", () => {
  const root = document.documentElement;
  if (state.view === "findings") {
    root.classList.add("paper-list");
    const wanted = new Set(found.map((row) => data.get("Fingerprint", row)));
    for (const item of document.querySelectorAll("#static details")) {
      item.hidden = !wanted.has(item.dataset.fingerprint);
      if (!item.open) { item.open = true; opened.push(item); }
    }
  } else {
    $("body").replaceChildren(...found.slice(0, PAPER_ROWS).map((_, position) => drawRow(position)));
  }
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper-list");
  for (const item of opened) item.open = false;
  opened = [];
  draw(true);
});
$("print").addEventListener("click", () => print());

// ---- Theme ------------------------------------------------------------------------------------------------------
const theme = $("theme");
const apply = (value) => { if (value) document.documentElement.dataset.theme = value; else delete document.documentElement.dataset.theme; };
try { theme.value = localStorage.getItem("graph-auditor-theme") || ""; } catch { /* no storage here: the system's theme */ }
apply(theme.value);
theme.addEventListener("change", () => {
  apply(theme.value);
  try { localStorage.setItem("graph-auditor-theme", theme.value); } catch { /* not kept */ }
});

document.documentElement.classList.add("js");
show();
})();
