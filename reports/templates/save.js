// What leaves the page: the visible rows as CSV, and paper.
const PAPER_ROWS = 2000;
const BLANK = "\\s\\u00ad\\u115f\\u1160\\u180e\\u200b-\\u200d\\u2060-\\u2064\\u2400-\\u2426\\u2800\\u3164\\ufeff\\uffa0";
const FORMULA = new RegExp(`^(?:[${BLANK}]*[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]|[ \\n]*[\\t\\r\\u240d])`);
const FORMULA_WITHIN = new RegExp(`([;|\\t\\n][${BLANK}"]*)(?=[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20])`, "g");
/** One value as reports/csv.py writes it: what a spreadsheet would run as a formula gets an apostrophe before it. */
function csvCell(column, value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  let cell = String(value);
  if (column.kind === "boolean") cell = {yes: "TRUE", no: "FALSE"}[cell] || cell;
  if (column.kind === "date") cell = cell.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d)Z$/, "$1T$2Z");
  cell = (FORMULA.test(cell) ? "'" : "") + cell.replace(FORMULA_WITHIN, "$1'");
  return /[",\r\n]/.test(cell) ? '"' + cell.replaceAll('"', '""') + '"' : cell;
}
function saveCsv() {
  const headers = columns.map((index) => data.columns[index]);
  const pieces = ["\ufeff" + headers.map((column) => csvCell(column, column.header)).join(",") + "\r\n"];
  for (let start = 0; start < found.length; start += 10000) {
    pieces.push([...found.subarray(start, start + 10000)].map((row) => columns.map((index) => csvCell(data.columns[index], data.at(index, row))).join(",") + "\r\n").join(""));
  }
  const url = URL.createObjectURL(new Blob(pieces, {type: "text/csv;charset=utf-8"}));
  el("a", {href: url, download: `audit-${data.slug}.csv`}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
$("csv").addEventListener("click", saveCsv);

let opened = [];
let printing = false;
addEventListener("beforeprint", () => {
  printing = true;
  const root = document.documentElement;
  if (onApp()) return;
  if (state.view === "findings") {
    root.classList.add("paper-list");
    const wanted = new Set([...found].map((row) => data.get("Fingerprint", row)));
    for (const item of document.querySelectorAll("#static details")) {
      item.hidden = !wanted.has(item.dataset.fingerprint);
      if (!item.open) { item.open = true; opened.push(item); }
    }
    return;
  }
  $("body").replaceChildren(...[...found.subarray(0, PAPER_ROWS)].map((_, position) => drawRow(position)));
  if (found.length > PAPER_ROWS) $("body").append(el("tr", {}, el("td", {class: "none", colspan: columns.length}, `The first ${told(PAPER_ROWS)} of ${told(found.length)} rows. Filter, or save as CSV, for the others.`)));
});
addEventListener("afterprint", () => {
  printing = false;
  document.documentElement.classList.remove("paper-list");
  for (const item of opened) item.open = false;
  opened = [];
  if (!onApp()) draw(true);
});
$("print").addEventListener("click", () => print());
