// An app's own page: what was found, what it asked for against what it was granted, its calls, credentials and consents.
const MOST = 300; // Rows of one part; the rest is a link to the table.
const onApp = () => state.view === "apps" && state.item !== "";
/** The parts of the page and the columns they tell. */
const PARTS = {
  findings: ["App ID", "Severity", "Summary", "Fingerprint", "State"],
  permissions: ["App ID", "Resource", "Permission", "Permission ID", "Type", "Requested", "Granted", "Consent", "Consented users", "Status"],
  predictions: ["App ID", "Flow", "Call", "Verdict", "Reason", "Needs"],
  credentials: ["App ID", "Holder", "Kind", "Name", "Ends", "Days left", "State"],
  consents: ["App ID", "Resource", "Permission", "Type", "Consent", "User ID", "Granted"],
  changes: ["App ID", "Change", "Thing", "Summary"],
};
const parts = Object.keys(PARTS).filter((slug) => SLUGS.includes(slug));
const appNeeds = () => parts.flatMap((slug) => missing(sheet(slug), PARTS[slug]));
/** Rows of a sheet that belong to an app. */
function belonging(source, id) {
  const column = source.place.get("App ID");
  const [values, places] = [source.values[column], source.rows[column]];
  const wanted = places ? values.indexOf(id) : -1;
  const rows = [];
  for (let row = 0; row < source.count; row += 1) if (places ? places[row] === wanted : values[row] === id) rows.push(row);
  return rows;
}
const word = (value) => (value === null ? el("span", {class: "badge", "data-tone": "muted"}, "– not known") : badge(value));
const yes = (value) => (value === "yes" ? "✓ yes" : value === "no" ? "– no" : "? not known");
function grantedTo(source, row) {
  const consent = source.get("Consent", row);
  if (consent === "admin") return "✓ by an admin";
  if (consent === "users") return `◐ by ${told(source.get("Consented users", row) || 0)} users`;
  return source.get("Granted", row) === "yes" ? "✓ yes" : source.get("Granted", row) === "no" ? "– no" : "? not known";
}
/** One part: its title, what is missing from it, its content, and a link to its rows in the table. */
function part(slug, id, title, draw) {
  const source = sheet(slug);
  const rows = belonging(source, id);
  const gap = source.unread.length ? el("p", {class: "coverage", "data-tone": "medium"}, el("span", {"aria-hidden": "true"}, "■ "), `Incomplete: ${source.unread.join(", ")} could not be read.`) : null;
  const more = rows.length ? el("a", {class: "in-table", href: address(slug, {"App ID": id})}, rows.length > MOST ? `${told(MOST)} of ${told(rows.length)}; all in the table` : "In the table") : null;
  const content = rows.length ? draw(source, rows.slice(0, MOST), rows) : [el("p", {class: "quiet"}, gap ? "Nothing known." : "None.")];
  return el("section", {class: "part", "aria-labelledby": "part-" + slug}, el("div", {class: "part-head"}, el("h2", {id: "part-" + slug}, title, " ", el("span", {class: "quiet"}, told(rows.length))), more), gap, ...content);
}
function grid(caption, headers, lines) {
  return el("div", {class: "scroller plain", tabindex: "0", role: "region", "aria-label": caption}, el("table", {}, el("caption", {class: "sr"}, caption),
    el("thead", {}, el("tr", {}, ...headers.map((header) => el("th", {scope: "col"}, header)))),
    el("tbody", {}, ...lines.map(([lead, ...cells]) => el("tr", {}, el("th", {scope: "row"}, lead), ...cells.map((cell) => el("td", {}, cell)))))));
}
const REQUESTED = [["yes", "Requested"], ["no", "Not requested"], ["", "Request not known"]];
const GRANTED = [["admin", "Granted by an admin"], ["users", "Granted by users"], ["none", "Not granted"], ["", "Not known"]];
/** How many permissions are requested and granted, as a table of counts; each count leads to its rows. */
function cross(source, id, rows) {
  const counts = new Map();
  for (const row of rows) {
    const key = text(source.get("Requested", row)) + "|" + text(source.get("Consent", row));
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  const tone = (requested, granted) => (requested === "" || granted === "" ? "muted" : requested === "yes" ? {admin: "good", users: "medium", none: "high"}[granted] : granted === "none" ? "muted" : "medium");
  const used = REQUESTED.filter(([requested]) => GRANTED.some(([granted]) => counts.has(requested + "|" + granted)));
  const across = GRANTED.filter(([granted]) => granted !== "" || REQUESTED.some(([requested]) => counts.has(requested + "|")));
  const cell = (requested, granted) => {
    const count = counts.get(requested + "|" + granted) || 0;
    const shape = Object.values(tones).find(([name]) => name === tone(requested, granted))?.[1] || "–";
    const to = {"App ID": id, Requested: requested, Consent: granted};
    return count ? el("a", {class: "count-cell", "data-tone": tone(requested, granted), href: address("permissions", to)}, el("span", {"aria-hidden": "true"}, shape + " "), told(count)) : el("span", {class: "quiet"}, "0");
  };
  const lines = used.map(([requested, title]) => [title, ...across.map(([granted]) => cell(requested, granted))]);
  const table = grid("Requested against granted: how many permissions", ["", ...across.map(([, title]) => title)], lines);
  table.classList.add("cross");
  table.querySelector("thead th").append(el("span", {class: "sr"}, "Request"));
  return table;
}
function drawApp() {
  const source = sheet("apps");
  const row = placeInSheet(source, "App ID", state.item);
  const id = state.item;
  const known = row >= 0;
  const belongs = known || parts.some((slug) => belonging(sheet(slug), id).length);
  $("app-title").textContent = known ? text(source.get("App name", row)) || "(no name)" : id;
  const back = el("p", {}, el("a", {href: format({...state, item: ""})}, "← All apps"));
  const get = (header) => source.get(header, row);
  const about = known ? el("p", {class: "about"}, get("Worst severity") ? badge(get("Worst severity")) : null, ` ${text(get("Kind")) || "kind not known"} · `,
    get("Enabled") === "no" ? el("strong", {}, "sign-in blocked") : get("Enabled") === "yes" ? "sign-in enabled" : "no service principal, or not known whether sign-in is enabled", ` · flows: ${get("Flows") || "none found"}`) : null;
  const missingNote = belongs ? known ? null : el("p", {class: "coverage", "data-tone": "medium"}, "■ The list of apps does not hold this app: what is below is all that is known of it.") : el("p", {}, "There is no such app in this report.");
  const gap = source.gap ? el("p", {class: "coverage", "data-tone": "medium"}, el("span", {"aria-hidden": "true"}, "■ "), source.gap) : null;
  $("app-head").replaceChildren(back);
  $("app-body").replaceChildren(...[about, missingNote, gap].filter(Boolean), ...(belongs ? [
    part("findings", id, "Findings", (from, rows) => [el("ul", {class: "mini"}, ...rows.map((at) => el("li", {}, badge(from.get("Severity", at)), el("span", {}, el("a", {href: "#findings/" + from.get("Fingerprint", at)}, from.get("Summary", at)), " ", from.get("State", at) === "new" ? null : badge(from.get("State", at))))))]),
    part("permissions", id, "Requested against granted", (from, rows, all) => [cross(from, id, all), grid("Each permission: requested and granted", ["Permission", "Type", "Resource", "Requested", "Granted", "Status"], rows.map((at) => [
      text(from.get("Permission", at)) || text(from.get("Permission ID", at)) || "(no name)", text(from.get("Type", at)), text(from.get("Resource", at)) || "not known", yes(from.get("Requested", at)), grantedTo(from, at), word(from.get("Status", at))]))]),
    part("predictions", id, "Declared calls", (from, rows) => [grid("Declared calls and whether they will be refused", ["Call", "Flow", "Verdict", "Reason"], rows.map((at) => [
      text(from.get("Call", at)), text(from.get("Flow", at)) || "not known", word(from.get("Verdict", at)), text(from.get("Reason", at))]))]),
    part("credentials", id, "Credentials", (from, rows) => [grid("Credentials", ["Name", "Kind", "Holder", "State", "Ends", "Days left"], rows.map((at) => [
      text(from.get("Name", at)) || "(no name)", text(from.get("Kind", at)), text(from.get("Holder", at)), word(from.get("State", at)), text(from.get("Ends", at)) || "never", text(from.get("Days left", at))]))]),
    part("consents", id, "Consents", (from, rows) => [grid("Consents as Graph holds them", ["Permission", "Type", "Resource", "Consent", "User ID", "Granted"], rows.map((at) => [
      text(from.get("Permission", at)) || "(no name)", text(from.get("Type", at)), text(from.get("Resource", at)) || "not known", text(from.get("Consent", at)), text(from.get("User ID", at)), text(from.get("Granted", at)) || "not known"]))]),
    parts.includes("changes") ? part("changes", id, "Since the baseline", (from, rows) => [el("ul", {class: "mini"}, ...rows.map((at) => el("li", {}, badge(from.get("Change", at)), el("span", {}, `${from.get("Thing", at)}: ${from.get("Summary", at)}`))))]) : null,
    known ? el("section", {class: "part", "aria-labelledby": "part-facts"}, el("h2", {id: "part-facts"}, "Facts"), facts(source, row, ["App name", "Worst severity"])) : null,
  ].filter(Boolean) : []));
  $("app-title").focus({preventScroll: true});
}
/** The row of a sheet whose column holds a value; -1 without one. */
function placeInSheet(source, header, value) {
  const column = source.place.get(header);
  const at = source.values[column].indexOf(value);
  return at < 0 || !source.rows[column] ? at : source.rows[column].indexOf(at);
}
