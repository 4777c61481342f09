// Better weights: what is labelled, one command at a time, what it says. Nothing is computed here; commands do that.

const $ = (id) => document.getElementById(id);
const mayChange = !document.body.dataset.onlyLooks; // what changes something is not there for a viewer
const columns = JSON.parse(document.body.dataset.columns);
const TITLES = { adapt: "Adapting", changes: "What would have changed", promote: "Promoting", back: "Going back" };
const NAMES = { adapt: "adapt", changes: "compare", promote: "promote", back: "go back" };
const ticked = new Map(); // by session: what a person chose; else those are learnt from that teach something and are not signed
let shown = ""; // what was drawn last, so that nothing jumps while nothing changes
let timer = null;
let running = false;

function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function tell(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

async function asked(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function refresh() {
  clearTimeout(timer);
  let soon = 10000;
  try {
    const now = await asked(running ? "weights/job" : "weights/state");
    const ends = running && !now.job?.running;
    running = Boolean(now.job?.running);
    if (ends) return refresh(); // what it made is in the whole state
    showJob(now.job);
    $("state").textContent = running ? `${NAMES[now.job.what]} is at work` : "";
    if (running) soon = 500;
    if (!now.candidates) return void (timer = setTimeout(refresh, soon));
    const seen = JSON.stringify([now.in_use, now.sessions, now.candidates, now.job?.running, now.job?.error]);
    if (seen !== shown) {
      shown = seen;
      showUse(now.in_use);
      showLabelled(now.sessions, Boolean(now.job?.running));
      $("candidates").replaceChildren(...now.candidates.map((each) => candidate(each, now.job)));
      if (!now.candidates.length) $("candidates").append(make("p", "none yet", { class: "small" }));
    }
  } catch (error) {
    $("state").textContent = `the page's program does not answer: ${error.message}`;
  }
  timer = setTimeout(refresh, soon);
}

function showUse(use) {
  const step = use.step ? `, ${use.step.how} ${use.step.when}${use.step.by ? ` by ${use.step.by}` : ""}` : "";
  $("use").textContent = use.fault ?? `${use.name} (${use.origin}${step})`;
  if (mayChange) $("back").hidden = !use.can_go_back;
}

function showLabelled(sessions, busy) {
  const rows = sessions.map((each) => {
    const row = make("tr", null, { "data-session": each.session }), head = make("th", null, { scope: "row" });
    const label = make("label", null), box = make("input", null, { type: "checkbox" });
    box.checked = !each.fault && (ticked.get(each.session) ?? (!each.signed && Object.values(each.labels).some((n) => n > 0)));
    box.disabled = Boolean(each.fault);
    box.addEventListener("change", () => ticked.set(each.session, box.checked));
    if (mayChange) label.append(box, " ");
    label.append(each.session);
    head.append(label);
    row.append(head);
    if (each.fault) row.append(make("td", each.fault, { colspan: String(columns.length + 2) }));
    else row.append(...columns.map((name) => make("td", String(each.labels[name]))), make("td", String(each.left_out)), make("td", each.signed ?? ""));
    return row;
  });
  $("labelled").tBodies[0].replaceChildren(...rows);
  const sound = sessions.filter((each) => !each.fault), total = make("tr", null);
  total.append(make("th", `${sound.length} ${sound.length === 1 ? "session" : "sessions"}`, { scope: "row" }),
    ...columns.map((name) => make("td", String(sound.reduce((sum, each) => sum + each.labels[name], 0)))),
    make("td", String(sound.reduce((sum, each) => sum + each.left_out, 0))), make("td", ""));
  $("labelled").tFoot.replaceChildren(total);
  if (mayChange) $("adapt").disabled = busy || !sound.length;
}

function showJob(job) {
  $("job").hidden = !job;
  if (!job) return;
  const ended = job.cancelled ? ": cancelled" : job.error ? ": nothing changed" : ": done";
  $("job-title").textContent = TITLES[job.what] + (job.running ? "" : ended);
  $("bar").hidden = !job.running;
  if (mayChange) $("cancel").hidden = !job.running;
  if (job.total) $("bar").value = job.done / job.total;
  else $("bar").removeAttribute("value");
  $("doing").textContent = job.running ? (job.progress ? `${job.progress} ${job.done}/${job.total}` : "beginning") : "";
  const drawn = JSON.stringify([job.what, job.running, job.error, job.notes]);
  if ($("outcome").dataset.drawn === drawn) return;
  $("outcome").dataset.drawn = drawn;
  $("notes").replaceChildren(...job.notes.map((note) => make("li", note)));
  $("outcome").replaceChildren();
  if (job.running) return;
  if (job.error) $("outcome").append(make("p", job.error, { class: "refused", role: "alert" }));
  // What was written stands among the adapted weights below.
  if (job.outcome?.says && !job.outcome.written && job.what !== "changes") $("outcome").append(says(job.outcome.says), curve(job.outcome.more_labels));
}

function says(lines) {
  const list = make("ul", null, { class: "says" });
  list.append(...lines.map((line) => make("li", line)));
  return list;
}

// The error on cells that were left out, at growing numbers of labels; what as many again would bring, with limits.
function curve(more) {
  if (!more) return "";
  const W = 400, H = 170, L = 44, B = 30, T = 18;
  const last = more.points.at(-1), most = last.cells + more.more;
  const next = [more.gain.high, more.gain.value, more.gain.low].map((gain) => Math.max(0, last.error - gain));
  const top = Math.max(...more.points.map((point) => point.error), next[2], 0.01);
  const x = (cells) => L + ((W - L - 12) * cells) / most, y = (error) => T + (H - B - T) * (1 - error / top);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (tag, attributes, text) => {
    const node = document.createElementNS(svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    if (text !== undefined) node.textContent = text;
    svg.append(node);
  };
  const told = more.points.map((point) => `${point.cells.toFixed(0)} labels: ${(100 * point.error).toFixed(1)} % wrong`).join("; ");
  for (const [name, value] of Object.entries({ class: "curve", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${told}; ${more.more} more may leave ${(100 * next[1]).toFixed(1)} %` })) svg.setAttribute(name, value);
  add("line", { class: "axis", x1: L, y1: H - B, x2: W - 8, y2: H - B });
  add("line", { class: "axis", x1: L, y1: T, x2: L, y2: H - B });
  add("text", { x: 2, y: 11 }, "wrong, of cells left out");
  add("text", { x: L - 4, y: y(top) + 4, "text-anchor": "end" }, `${(100 * top).toFixed(0)} %`);
  add("text", { x: L - 4, y: H - B, "text-anchor": "end" }, "0 %");
  add("polyline", { class: "learnt", points: more.points.map((point) => `${x(point.cells)},${y(point.error)}`).join(" ") });
  for (const point of more.points) {
    add("circle", { cx: x(point.cells), cy: y(point.error), r: 4 });
    add("text", { x: x(point.cells), y: H - B + 14, "text-anchor": "middle" }, point.cells.toFixed(0));
  }
  add("polyline", { class: "guess", points: `${x(last.cells)},${y(last.error)} ${x(most)},${y(next[1])}` });
  add("line", { class: "limits", x1: x(most), y1: y(next[0]), x2: x(most), y2: y(next[2]) });
  add("text", { x: x(most), y: H - B + 14, "text-anchor": "end" }, `${most.toFixed(0)} labels, a guess`);
  return svg;
}

function candidate(each, job) {
  const box = make("article", null, { class: `candidate${each.in_use ? " used" : ""}`, "data-name": each.name });
  const busy = Boolean(job?.running);
  box.append(make("h3", `${each.name}${each.in_use ? ": in use" : ""}`), says(each.account.says ?? []), curve(each.account.more_labels));
  if (each.changes) box.append(make("h4", "In recorded sessions"), wide(reports(each.changes)), says(each.changes.says));
  if (!mayChange) return box;
  const buttons = make("p", null, { class: "buttons" });
  const compare = make("button", each.changes ? "compare again on the signed sessions" : "what would have changed in the signed sessions", { type: "button", "data-do": "changes" });
  compare.addEventListener("click", () => act("changes", { candidate: each.name }));
  const promote = make("button", "promote …", { type: "button", "data-do": "promote" });
  promote.addEventListener("click", () => askBy("Use these weights from now on?", "They are compared with those in use on the labelled cells that neither has learnt from, and refused where they are worse. Counts that run now keep theirs.", "promote", (by) => act("promote", { candidate: each.name, by })));
  buttons.append(compare, promote);
  const refused = job && !job.running && job.what === "promote" && job.error?.startsWith("not promoted");
  if (refused && !each.in_use) {
    const force = make("button", "use them all the same …", { type: "button", "data-do": "force" });
    force.addEventListener("click", () => askBy("Use weights that were refused?", `${job.error}. That they were promoted all the same is kept in the record.`, "use them all the same", (by) => act("promote", { candidate: each.name, by, force: true })));
    buttons.append(force);
  }
  for (const button of buttons.querySelectorAll("button")) button.disabled = busy || each.in_use;
  compare.disabled = busy || each.in_use;
  box.append(buttons);
  return box;
}

// A table that scrolls in a box of its own where the screen is narrow.
function wide(table) {
  const box = make("div", null, { class: "wide" });
  box.append(table);
  return box;
}

// The reports that would have read otherwise, before the lines.
function reports(changes) {
  const table = make("table", null, { class: "reports" }), head = make("tr", null), body = make("tbody", null);
  head.append(...["session", "cells", "labelled", "trained on", "the report"].map((name) => make("th", name, { scope: "col" })));
  for (const each of changes.sessions) {
    const row = make("tr", null, { "data-session": each.session });
    const verdict = each.otherwise.length ? `would have read otherwise: ${each.otherwise.join("; ")}` : each.changed ? "numbers change, within their limits" : "reads the same";
    row.append(make("th", each.session, { scope: "row" }), make("td", String(each.cells)), make("td", String(each.labelled)), make("td", String(each.trained_on)),
      make("td", verdict, each.otherwise.length ? { class: "otherwise" } : {}));
    body.append(row);
  }
  table.append(make("thead", null), body);
  table.tHead.append(head);
  return table;
}

function askBy(title, text, does, then) {
  const dialog = $("asking"), form = $("ask-form");
  $("asking-title").textContent = title;
  $("asking-text").textContent = text;
  form.querySelector("button[type=submit]").textContent = does;
  form.elements.by.value = $("reader").value.trim();
  form.onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    then(form.elements.by.value);
  };
  dialog.showModal();
}

async function act(what, body) {
  tell("");
  try {
    const headers = { "content-type": "application/json", "x-smearwatch": "1" };
    const answer = await fetch(`weights/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) tell(await answer.text());
  } catch {
    tell("the page's program does not answer; is `smearwatch review` still running?");
  }
  running = false;
  await refresh();
}

if (mayChange) setUp();
refresh();

function setUp() {
  $("adapt").addEventListener("click", adapt);
  $("back").addEventListener("click", () => askBy("Go back to the weights before?", "Those in use are kept, and can be promoted again.", "go back", (by) => act("back", { by })));
  $("cancel").addEventListener("click", () => act("cancel", {}));
  $("asking").querySelector(".leave").addEventListener("click", () => $("asking").close());
}

function adapt() {
  const sessions = [...document.querySelectorAll("#labelled tbody input:checked")].map((box) => box.closest("tr").dataset.session);
  if (sessions.length) act("adapt", { sessions });
  else tell("tick a session to learn from");
}
