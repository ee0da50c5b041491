// What shows: the view, or the app, that the address names; and what people do.
const browser = $("browser");
let shownKey = "";
function busy(is) {
  $("main").setAttribute("aria-busy", String(is));
  document.documentElement.classList.toggle("busy", is);
}
function failed(error) {
  busy(false);
  browser.hidden = false;
  $("app").hidden = true;
  $("shown").textContent = "The data of this view cannot be read; the file may be damaged. " + error.message;
}
/** Show what the address says, as soon as the columns it takes are unpacked. */
function show() {
  const next = sheet(state.view);
  const lacking = [...missing(next, needed(next)), ...(onApp() ? appNeeds() : [])];
  if (lacking.length) {
    busy(true);
    Promise.all(lacking.map(([source, column]) => load(source, column))).then(show, failed);
    return;
  }
  const sameView = shownKey.split(/[?/]/)[0] === "#" + state.view;
  data = next;
  $("overview").hidden = state.view !== "findings";
  for (const tab of document.querySelectorAll("#tabs a")) {
    if (tab.dataset.view !== state.view) { tab.removeAttribute("aria-current"); continue; }
    tab.setAttribute("aria-current", "page");
    const [from, to] = [tab.offsetLeft - 16, tab.offsetLeft + tab.offsetWidth - $("tabs").clientWidth + 16];
    if ($("tabs").scrollLeft > from || $("tabs").scrollLeft < to) $("tabs").scrollLeft = from;
  }
  browser.hidden = onApp();
  $("app").hidden = !onApp();
  if (onApp()) {
    if (dialog.open) dialog.close();
    const key = format(state);
    if (key !== shownKey) { shownKey = key; drawApp(); scrollTo(0, 0); }
    busy(false);
    return;
  }
  const key = format({...state, item: ""});
  if (key !== shownKey) {
    shownKey = key;
    drawView();
    scroller.scrollTop = 0;
    if (!sameView) scrollTo(0, 0);
    draw(true);
  }
  followItem();
  busy(false);
}
function drawView() {
  const severities = state.view === "findings" ? state.filters.get("Severity") : null;
  for (const button of document.querySelectorAll(".severity")) button.setAttribute("aria-pressed", String(Boolean(severities?.has(button.dataset.severity))));
  $("view-title").textContent = data.title;
  $("view-title").setAttribute("aria-level", state.view === "findings" ? "2" : "1"); // The tenant's name is the first heading there.
  $("view-meaning").textContent = data.meaning + (data.gap ? " Incomplete: " + data.gap : "");
  // A preset that would show nothing is not offered.
  const useful = (PRESETS[data.slug] || []).filter(([, filters]) => Object.entries(filters).every(([header, values]) => [values].flat().some((value) => data.values[data.place.get(header)].includes(value))));
  $("presets").replaceChildren(...useful.map(([title, filters]) => el("a", {href: address(data.slug, filters), "aria-current": address(data.slug, filters) === format({...state, item: ""}) ? "true" : null}, title)));
  $("caption").textContent = data.title + ": " + data.meaning;
  if ($("search").value !== state.q) $("search").value = state.q;
  found = select(data, state);
  $("shown").textContent = `${told(found.length)} of ${told(data.count)} shown`;
  $("reset").disabled = !(state.q || state.filters.size || state.sort || state.cols);
  $("csv").disabled = !found.length;
  $("table").setAttribute("aria-rowcount", found.length + 1);
  focused = -1;
  drawHead();
  $("table").classList.toggle("two", isTall());
  drawFacets();
}

let waiting = 0;
$("search").addEventListener("input", (event) => {
  clearTimeout(waiting);
  const q = event.target.value;
  waiting = setTimeout(() => change({q}), data.count > 20000 ? 160 : 0);
});
// A search looks into every column: they are unpacked while somebody types.
$("search").addEventListener("focus", () => { for (const [source, column] of data ? missing(data) : []) load(source, column); });
$("reset").addEventListener("click", () => change({q: "", sort: "", cols: null, filters: new Map()}));
$("body").addEventListener("click", (event) => {
  const row = event.target.closest("tr.row");
  if (row) change({item: keyOf(found[Number(row.dataset.position)])}, true);
});
$("body").addEventListener("keydown", (event) => {
  const button = event.target.closest("button.open");
  const jump = {ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9}[event.key];
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
let drawing = 0;
scroller.addEventListener("scroll", () => {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => { if (data && !onApp()) draw(false); });
}, {passive: true});
addEventListener("resize", () => { if (data && !onApp() && !printing) { drawHead(); draw(true); } });
narrow.addEventListener("change", () => { if (!printing) { shownKey = ""; show(); } });
addEventListener("hashchange", () => { state = parse(location.hash); show(); });
addEventListener("popstate", () => { state = parse(location.hash); show(); });
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", closed);
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

const theme = $("theme");
const apply = (value) => { if (value) document.documentElement.dataset.theme = value; else delete document.documentElement.dataset.theme; };
try { theme.value = localStorage.getItem("graph-auditor-theme") || ""; } catch { /* no storage here: the system's theme */ }
apply(theme.value);
theme.addEventListener("change", () => {
  apply(theme.value);
  try { localStorage.setItem("graph-auditor-theme", theme.value); } catch { /* not kept */ }
});

$("about-run").open = !narrow.matches; // On a small screen the findings come first.
document.documentElement.classList.add("js");
show();
