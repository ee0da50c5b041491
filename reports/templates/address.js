// State in the address: #view/item?q=…&sort=-Header&cols=A|B&Header=value&Header=value
const SLUGS = [...document.querySelectorAll("#tabs a")].map((tab) => tab.dataset.view);
const RESERVED = new Set(["q", "sort", "cols"]);
function decode(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}
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
/** The address of a view with filters: {Header: value} or {Header: [value, …]}. */
const address = (view, filters = {}) => format({view, item: "", q: "", sort: "", cols: null, filters: new Map(Object.entries(filters).map(([header, values]) => [header, [values].flat()]))});
/** Views that people ask for again and again. */
const PRESETS = {
  permissions: [["Requested, not granted", {Requested: "yes", Granted: "no"}], ["Granted, not requested", {Status: "unrequested"}], ["Granted by users alone", {Consent: "users"}], ["Application permissions of external apps", {Type: "application", Granted: "yes", "App kind": "external"}]],
  apps: [["External apps with findings", {Kind: "external", "Worst severity": ["critical", "high", "medium", "low"]}], ["Sign-in blocked", {Enabled: "no"}]],
  credentials: [["Expired or ending soon", {State: ["expired", "ends soon"]}]],
  consents: [["By single users", {Consent: "user"}]],
  predictions: [["Denied, or not certain", {Verdict: ["denied", "depends", "unknown"]}]],
  checks: [["Gaps", {Outcome: ["not-assessed", "error"]}]],
  coverage: [["Not read", {Status: ["denied", "unlicensed", "skipped", "failed"]}]],
};
let state = parse(location.hash);
/** Change the state; typing and filtering replace the entry in the history, moving to another view adds one. */
function change(part, add = false) {
  state = {...state, ...part};
  const hash = format(state);
  if (add) history.pushState(null, "", hash); else history.replaceState(null, "", hash);
  show();
}
