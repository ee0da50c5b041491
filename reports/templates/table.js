// The table: its head, the few rows that show, the filters above it.
const MAX_HEIGHT = 8e6; // Browsers cap the height of a box; beyond this the scroll bar stands for shares, not pixels.
const narrow = matchMedia("(max-width: 800px)");
let data = null;
let found = new Uint32Array(0);
let columns = [];
let first = -1;
let last = -1;
let focused = -1;
const scroller = $("scroller");
/** Two lines where a column holds sentences. */
const isTall = () => columns.some((index) => data.columns[index].wrap);
const rowHeight = () => (isTall() ? 46 : 37);
/** A failed check is as serious as its worst open finding. */
const toneOf = (source, header, row, value) => (source.slug === "checks" && header === "Outcome" && value === "fail" ? source.get("Worst finding", row) || "known" : value);
const main = (from = data) => (["findings", "changes"].includes(from.slug) ? "Summary" : from.columns[0].header);
/** Columns without which the view cannot be drawn; all of them for a search, or for what a row's panel tells. */
function needed(from) {
  if (state.q || state.item) return null;
  const facets = from.columns.filter((column) => column.facet).map((column) => column.header);
  const seen = visibleColumns(from).map((index) => from.columns[index].header);
  const worst = from.slug === "checks" ? ["Worst finding"] : [];
  return [...seen, ...facets, ...worst, ...state.filters.keys(), state.sort.replace(/^-/, ""), KEYS[from.slug], main(from)];
}
/** What names a row in the address. */
const KEYS = {findings: "Fingerprint", apps: "App ID", checks: "Check", coverage: "Source", "conditional-access": "Policy ID"};
const keyOf = (row) => (KEYS[data.slug] ? text(data.get(KEYS[data.slug], row)) : String(row + 1));
/** Where the row with this key is among those shown; -1 if it is not. */
const placeOf = (key) => (KEYS[data.slug] ? found.findIndex((row) => keyOf(row) === key) : found.indexOf(Number(key) - 1));

function visibleColumns(from = data) {
  if (state.cols) return state.cols.map((header) => from.place.get(header)).filter((index) => index !== undefined);
  const all = from.columns.map((column, index) => index).filter((index) => !from.columns[index].hidden);
  if (!narrow.matches || main(from) !== "Summary") return all;
  return all.filter((index) => ["Severity", "Change", "Summary"].includes(from.columns[index].header));
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
    total += flexible ? Math.min(main() === "Summary" ? 340 : 230, Math.max(200, innerWidth - 190)) : width;
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
    return el("th", {scope: "col", "data-title": column.header, "aria-sort": sorted ? (down ? "descending" : "ascending") : null},
      el("button", {type: "button", title: column.meaning + " Sort.", on: {click: flip}}, column.header, arrow));
  }));
}
function drawRow(position) {
  const row = found[position];
  const cells = columns.map((index) => {
    const column = data.columns[index];
    const value = data.at(index, row);
    let content = value === null ? "" : column.kind === "integer" && typeof value === "number" ? told(value) : text(value);
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
