// One row in the panel: what was found, the fix, the commands to copy, the evidence, the check's page.
const dialog = $("detail");
let place = -1;
function facts(source, row, leave = []) {
  const items = source.columns.filter((column) => !leave.includes(column.header)).map((column) => [column, source.get(column.header, row)]).filter(([, value]) => value !== null && value !== "");
  return el("dl", {class: "facts-list"}, ...items.map(([column, value]) => el("div", {}, el("dt", {title: column.meaning}, column.header), el("dd", {}, column.toned ? badge(value, toneOf(source, column.header, row, value)) : isLink(value) ? link(value, value) : column.header === "App ID" ? el("a", {href: appAddress(value)}, value) : text(value)))));
}
const appAddress = (id) => "#apps/" + encodeURIComponent(id);
/** A button that copies a text. */
function copies(label, line) {
  const button = el("button", {type: "button"}, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
    } catch {
      const box = el("textarea", {});
      box.value = line;
      button.after(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}
const command = (line) => el("div", {class: "command-line"}, el("pre", {}, line), copies("Copy", line));
function pageOf(slug) {
  const article = $("page-" + slug);
  if (!article) return [];
  const copy = article.cloneNode(true);
  copy.removeAttribute("id");
  return [el("h3", {}, "About this check"), copy];
}
function findingDetail(source, row) {
  const get = (header) => source.get(header, row);
  const parts = [el("p", {}, badge(get("Severity")), " ", el("span", {class: "quiet"}, `${get("Certainty")} · ${get("Check")} `), get("State") === "new" ? null : badge(get("State")))];
  parts.push(el("h3", {}, "Fix"), el("p", {}, text(get("Fix"))));
  for (const line of text(get("Commands")).split("\n").filter(Boolean)) parts.push(command(line));
  const links = [[get("Fix page"), "Open the page that does it"], [get("Help"), "Microsoft's page"]].filter(([url]) => isLink(url));
  parts.push(el("p", {class: "links"}, ...links.map(([url, label]) => link(url, label)), get("App ID") ? el("a", {href: appAddress(get("App ID"))}, "Everything about this app") : null));
  if (get("Evidence")) parts.push(el("h3", {}, "Evidence"), el("pre", {}, get("Evidence")));
  parts.push(el("h3", {}, "Facts"), facts(source, row, ["Severity", "Certainty", "Summary", "Fix", "Commands", "Fix page", "Help", "Evidence", "State"]));
  return [...parts, ...pageOf(get("Check"))];
}
/** What a row's panel links to: its app, and of a change the finding that it is about. */
function leads(row) {
  const id = data.place.has("App ID") ? data.get("App ID", row) : null;
  const finding = data.slug === "changes" && data.get("Thing", row) === "finding" && data.get("Change", row) !== "gone" ? data.get("Key", row) : null;
  return id || finding ? el("p", {class: "links"}, finding ? el("a", {href: "#findings/" + encodeURIComponent(finding)}, "The finding") : null, id ? el("a", {href: appAddress(id)}, "Everything about this app") : null) : null;
}
function openPanel() {
  const row = found[place];
  $("detail-title").textContent = text(data.get(main(), row)) || "(no name)";
  const body = data.slug === "findings" ? findingDetail(data, row) : [leads(row), facts(data, row, [main()]), ...(data.slug === "checks" ? pageOf(data.get("Check", row)) : [])];
  $("detail-body").replaceChildren(...body.filter((part) => part !== null));
  $("place").textContent = `${told(place + 1)} of ${told(found.length)}`;
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
  place = placeOf(state.item);
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
  if (!state.item || onApp()) return;
  const at = place;
  change({item: ""});
  if (at >= 0) focusRow(at);
}
