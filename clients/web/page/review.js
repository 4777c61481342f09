// The review page: asks for what changed, shows it, and sends what the reader says. No text becomes markup.
import { cardOf, make, paint, said } from "./card.js";
import { fits, setFilter, setUpFilter } from "./filter.js";
import { lookAt, toggleLooked } from "./looked.js";
import { RandomReview } from "./random.js";
import { adjusted, apartText, asked, resultRows } from "./results.js";
import { Sections } from "./sections.js";
import { close, closed, setUp, showStanding } from "./sign.js";
import { ring } from "./sound.js";
import { showAlarms, showState } from "./state.js";
import { showViews } from "./views.js";

const words = JSON.parse(document.body.dataset.labels);
const verdicts = JSON.parse(document.body.dataset.verdicts);
const keys = JSON.parse(document.body.dataset.keys);
const classes = JSON.parse(document.body.dataset.classes);
const second = Boolean(document.body.dataset.second); // a second reader, who does not see the first one's labels
const onlyLooks = Boolean(document.body.dataset.onlyLooks); // a viewer
const $ = (id) => document.getElementById(id);
const NOT_JUDGED = "not judged"; // as daemon/share_text.py has it
const FIELDS = { near: 22, crop: 33, far: 66 };
const BAR_UM = 5;
const POLL_MS = 1000, LOOK_AGAIN_MS = 800;

const cells = new Map(); // by id: what the server says, and its card
const chosen = new Set(), done = [], undone = [];
const waiting = new Map(); // by id: labels that are on their way
const random = new RandomReview();
let worth = []; // cells worth labelling for retraining, the best first
const lost = []; // what was said here and was not taken
const met = []; // what others said of a cell just before its label from here
let sending = Promise.resolve();
let targets = null; // how many of them are reached
let last = 0, current = null, field = "near", failed = 0, lostAt = 0, busy = "";
let leftAt = null; // the cell from which arrows go on, where none is chosen any more
let bring = null; // what of the chosen cell is to be brought into view: large, field
let shownView = null; // of the chosen cell: the one whose field is shown, where it is not the judged one

// --- what a cell is called, and where it stands

const nameOf = (cell) => cell.label ?? (cell.verdict === "rejected" ? "rejected" : cell.class);
const toSee = (cell) => !cell.label && (second || cell.verdict === "flagged" || cell.verdict === "rejected");
const sectionOf = (cell) => (worth.length ? "worth" : cell.readers ? "disagree" : toSee(cell) ? "to see" : nameOf(cell));

function before(a, b) {
  if (worth.length) return worth.indexOf(a.id) - worth.indexOf(b.id);
  // Doubtful first, then in the order of counting.
  const rank = (cell) => (cell.label ? 2 : cell.verdict === "flagged" ? 0 : 1);
  return rank(a) - rank(b) || a.probability - b.probability || a.number - b.number;
}

const ORDER = ["worth", "disagree", "to see", ...classes, "neutrophil", ...Object.keys(words).filter((name) => !classes.includes(name)), "rejected"];
const title = (name) =>
  name === "worth" ? "worth labelling for retraining, the best first" :
  name === "disagree" ? "readers disagree: whoever names such a cell settles it" :
  name === "to see" ? (second ? "to be read" : "to be seen first: flagged, and rejected") : name === "rejected" ? "rejected: not one of the six" : said(name);

const sections = new Sections($("gallery"), { order: ORDER, title, before, card: newCard });
const place = (cell) => sections.place(cell, sectionOf(cell));

// Whether it is shown, and what its card says, where it has one.
function draw(cell) {
  cell.hidden = !passes(cell);
  if (cell.card) paint(cell, chosen.has(cell.id));
}

function newCard(cell) {
  cell.card = cardOf(cell, onlyLooks);
  paint(cell, chosen.has(cell.id));
  return cell.card;
}

// --- filter and results

function passes(cell) {
  return (!worth.length || worth.includes(cell.id)) && fits(cell, nameOf(cell));
}

function showSections() {
  const shown = sections.show();
  $("none").hidden = shown > 0 || cells.size === 0;
  $("shown").textContent = `${shown} of ${cells.size} cells`;
  forgetHidden();
}

function showResults(tally) {
  const reviewed = tally.reviewed ?? { counts: tally.counts, neutrophils: tally.neutrophils, percent: tally.percent, cells: tally.cells, mark: tally.mark };
  document.body.classList.toggle("adjusted", Boolean(adjusted(tally)));
  $("says").replaceChildren(...(tally.corrected_says ?? []).map((text, at) => make("p", `${at ? text[0].toUpperCase() + text.slice(1) : `Adjusted: ${text}`}.`, { class: "small" })));
  random.more = asked(tally.corrected);
  const rows = resultRows(tally, reviewed, { make, said, classes, second, dropOn });
  $("results").tBodies[0].replaceChildren(...rows);
  $("apart").textContent = apartText(reviewed, said);
  $("left").textContent = `Not counted: ${tally.rejected} rejected${tally.poisoned ? ` (${tally.poisoned} could not be judged)` : ""}, ${tally.at_edge} cut by the edge of their field, ${tally.seen_again} seen again.`;
  $("said").textContent = $("said").title = tally.said_text ?? "";
  $("target").hidden = !tally.target_text;
  $("target").textContent = tally.target_text ?? "";
  $("target").classList.toggle("reached", tally.target_reached);
  const reached = tally.targets.filter((each) => each.reached).length;
  if (targets !== null && reached > targets) ring(); // not for what was reached before somebody looked
  targets = reached;
  showAlarms(tally);
  showState(tally, { left: [...cells.values()].filter(toSee).length, of: cells.size, second, closed: closed() });
}

// --- choosing

function choose(id, { add = false } = {}) {
  const before = [...chosen];
  if (!add) chosen.clear();
  else if (chosen.has(id) && id === current) {
    chosen.delete(id);
    current = [...chosen].at(-1) ?? null;
    draw(cells.get(id));
    showDetail();
    return;
  }
  chosen.add(id);
  current = id;
  for (const each of new Set([...before, id])) draw(cells.get(each));
  if (!random.on) sections.reveal(cells.get(id));
  showDetail();
}

// Whoever does not see a cell does not name it.
function forgetHidden() {
  if (random.on) return;
  const left = [...chosen].filter((id) => !cells.get(id).hidden);
  if (left.length === chosen.size) return;
  chosen.clear();
  for (const id of left) chosen.add(id);
  current = left.at(-1) ?? null;
  showDetail();
}

function move(step, add) {
  const shown = sections.shown;
  const at = shown.indexOf(cells.get(current ?? leftAt));
  const next = shown[Math.min(Math.max(at + step, 0), shown.length - 1)];
  if (next) choose(next.id, { add });
}

const columns = () => sections.columns(cells.get(current ?? leftAt));

const stillToSee = () => (worth.length ? ["worth"] : ["disagree", "to see"])
  .flatMap((name) => sections.sorted(name)).filter((cell) => !cell.hidden && (!cell.label || cell.readers));

function nothingLeft() {
  if (worth.length) return "every cell of this list has a label";
  const hidden = [...cells.values()].filter(toSee).length;
  if (hidden) return `no cell that the filter shows is left to be seen; it hides ${hidden}`;
  if (second) return "every cell is read";
  return `no flagged or rejected cell is left to be seen${closed() ? "" : ": sign the result (sign … at the top), or look at the others"}`;
}

function nextToSee() {
  const left = stillToSee();
  if (!left.length) return tell(nothingLeft());
  const at = left.findIndex((cell) => cell.id === current);
  choose(left[(at + 1) % left.length].id);
}

// Which cell comes after `here`, once these are named; asked before they are, while they stand where they were seen.
// From a cell without a name it never leads to one that a person has named, which the next key would rename.
function following(here, wanted) {
  const open = (cell) => !(cell.id in wanted) && !cell.hidden;
  const renamed = here.label && !here.readers;
  const after = here.at.sorted.slice(here.at.sorted.indexOf(here) + 1).find((cell) => open(cell) && (renamed || !cell.label || cell.readers));
  return after ?? stillToSee().find(open) ?? null;
}

// Where none comes after, none is chosen: the next key names nothing.
function goOn(after) {
  if (after) return choose(after.id);
  const before = [...chosen];
  leftAt = current ?? leftAt;
  chosen.clear();
  current = null;
  for (const id of before) draw(cells.get(id));
  showDetail();
  sending = sending.then(() => { if (!chosen.size && !lost.length && !met.length) tell(nothingLeft()); });
}

// --- the random review

function toggleRandom() {
  random.on = !random.on;
  document.body.classList.toggle("random", random.on);
  $("random").setAttribute("aria-pressed", String(random.on));
  for (const id of [...chosen]) {
    chosen.delete(id);
    draw(cells.get(id));
  }
  current = null;
  tell("");
  if (random.on) ask();
  else showDetail();
}

function ask() {
  if (random.asked) choose(random.asked);
  else {
    chosen.clear();
    current = null;
    showDetail();
  }
  showAsked();
}

function showAsked() {
  const { named, left, more } = random;
  const wanted = !named ? "" : more ? `, ${more} more are asked for` : ", no more are asked for";
  $("asked").textContent = random.asked
    ? `What is this? The machine's word is not shown. ${named} named at random${wanted}, of ${named + left}.`
    : random.closed ? `Nothing is asked for: ${closed()}. ${named} were named at random.`
    : waiting.size ? "One moment: the names are being written." : `Nothing is left to be drawn: ${named} were named at random.`;
}

// --- the chosen cell

async function showDetail() {
  const id = current;
  const cell = cells.get(id);
  if (id !== showDetail.of) [shownView, bring] = [null, "large"];
  showDetail.of = id;
  $("detail").hidden = !cell && !random.on;
  $("detail").classList.toggle("empty", !cell);
  if (!cell) return;
  $("several").hidden = chosen.size < 2;
  $("several").textContent = `${chosen.size} cells are chosen; this is the last of them`;
  const [frame, index] = splitId(id);
  const answer = await fetch(`cell/${frame}/${index}`);
  if (!answer.ok || id !== current) return;
  const known = await answer.json();
  if (random.on) known.frame_name = known.why = "";
  const picture = make("img", null, { src: `picture/${known.picture}?field=${field}`, alt: `cell ${known.number}` });
  const bar = make("div", `${BAR_UM} µm`, { class: "bar" });
  bar.style.width = `${(100 * BAR_UM) / FIELDS[field]}%`;
  $("large").replaceChildren(picture, bar);
  lookAt(random.on ? null : known.picture, $("large"), FIELDS[field]);
  if (shownView) shownView = known.views.find((view) => view.frame === shownView.frame && view.index === shownView.index) ?? null;
  const judged = known.views.find((view) => `${view.frame}/${view.index}` === known.picture);
  const choose = (view) => { [shownView, bring] = [view, "field"]; $("field").hidden = false; showDetail(); };
  showViews(random.on ? null : known, { make, choose, shown: $("field").hidden ? null : shownView ?? judged });
  const name = (known.readers ?? (cell.label ? [[cell.label, cell.by]] : [])).map(([label, by]) => `${said(label)}, as ${by} says; `).join("");
  $("caption").textContent = random.on ? "drawn at random" : `cell ${known.number}: ${name}the machine: ${known.verdict === "rejected" ? known.class === NOT_JUDGED ? "rejected, for it could not be judged: name it by what you see" : `rejected, none of the six (most like ${said(known.class)})` : `${known.class}, ${verdicts[known.verdict]}`}`;
  const enter = document.querySelector("#actions button[data-key=Enter]");
  if (enter) enter.lastChild.textContent = !random.on && known.class === NOT_JUDGED ? " no name of the machine's" : !random.on && known.verdict === "rejected" ? " rightly rejected" : " the machine is right";
  if (!$("field").hidden) showField(shownView ?? judged);
  if (bring === "large") toLarge();
  if (random.on) return $("facts").replaceChildren(); // so that nothing leads the answer
  const facts = known.why ? [["why flagged", known.why]] : [];
  facts.push(["picture", `${known.frame_name}, frame ${judged.number}`]);
  for (const name of known.class === NOT_JUDGED ? [] : Object.keys(known.probabilities)) {
    const check = known.verifiers[name] === undefined ? "" : `, verifier ${percent(known.verifiers[name])}`;
    facts.push([name, `${percent(known.probabilities[name])}${check}`]);
  }
  if (known.class !== NOT_JUDGED) facts.push(["none of the six", percent(known.reject_score)]);
  if (known.nucleus) {
    const { widest_um, narrowest_um, length_um, lobes } = known.nucleus;
    facts.push(["nucleus", `${narrowest_um} µm narrowest, ${widest_um} µm widest, ${length_um} µm long, ${lobes} ${lobes === 1 ? "lobe" : "lobes"}`]);
  }
  for (const [label, by, at] of known.labels) facts.push(["labelled", `${said(label)} by ${by}, ${at}`]);
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
}

// The large picture wholly into view, wherever its column was scrolled to.
function toLarge() {
  bring = null;
  $("detail").scrollTop = 0;
  $("large").scrollIntoView({ block: "nearest" });
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const splitId = (id) => [id.slice(0, id.lastIndexOf(":")), id.slice(id.lastIndexOf(":") + 1)];

function showField(view) {
  const picture = make("img", null, { src: `frame/${view.frame}`, alt: random.on ? "the field" : `the field ${view.name}, frame ${view.number}` });
  const box = make("div", null, { class: "box" });
  picture.addEventListener("load", () => {
    const [x, y, w, h] = view.box;
    const share = (value, whole) => `${(100 * value) / whole}%`;
    box.style.left = share(x, picture.naturalWidth);
    box.style.top = share(y, picture.naturalHeight);
    box.style.width = share(w, picture.naturalWidth);
    box.style.height = share(h, picture.naturalHeight);
    if (bring !== "field") return;
    bring = null;
    $("field").scrollIntoView({ block: "nearest" }); // only now it has its height
  });
  picture.addEventListener("error", () => tell("this frame cannot be shown in a browser"));
  $("field").replaceChildren(picture, box);
}

// --- labelling: shown at once, sent strictly one after another

function label(name) {
  if (closed()) return tell(closed());
  if (!chosen.size) return tell("choose a cell first");
  const by = reader();
  if (!by) return;
  if (random.on) return name === null || name === "withdrawn" ? tell("name the cell by what you see; u takes back") : nameDrawn(name, by);
  const wanted = Object.fromEntries([...chosen].map((id) => [id, name ?? nameOfMachine(cells.get(id))]));
  if (Object.values(wanted).includes(null)) return tell("the machine could not judge it: name it by what you see");
  const after = following(cells.get(current), wanted);
  const change = { wanted, was: say(wanted, by) };
  done.push(change);
  undone.length = 0;
  queue(wanted, by, change.was, () => done.includes(change) && done.splice(done.indexOf(change), 1));
  goOn(after);
}

function nameDrawn(name, by) {
  const id = current;
  if (!id || id !== random.asked) return;
  if (performance.now() - random.moved < LOOK_AGAIN_MS) return tell("another reader named that cell; this is the next one");
  const wanted = { [id]: name };
  random.name(id);
  const change = { wanted, was: say(wanted, by), drawn: true };
  done.push(change);
  undone.length = 0;
  queue(wanted, by, change.was, () => {
    random.forget(id);
    if (done.includes(change)) done.splice(done.indexOf(change), 1);
  }, true);
  ask();
}

const nameOfMachine = (cell) => cell.class === NOT_JUDGED ? null : (cell.verdict === "rejected" ? "other" : cell.class);

function reader() {
  const by = $("reader").value.trim();
  if (!by) {
    tell("write your name at the top first: each label carries its reader's name");
    $("reader").focus();
  }
  return by;
}

// Show labels as given; returns what stood before, by cell.
function say(labels, by) {
  const was = {};
  for (const [id, name] of Object.entries(labels)) {
    const cell = cells.get(id);
    was[id] = { label: cell.label, by: cell.by, readers: cell.readers };
    cell.label = name === "withdrawn" ? null : name;
    cell.by = cell.label ? by : null;
    cell.readers = null;
    draw(cell);
    place(cell);
  }
  showSections();
  return was;
}

const LOST_STAYS_MS = 3000;

function queue(labels, by, was, failed, drawn = false) {
  const saidAt = performance.now(), seen = last;
  for (const id of Object.keys(labels)) waiting.set(id, (waiting.get(id) ?? 0) + 1);
  sending = sending.then(async () => {
    const { why, meanwhile = [] } = await send(labels, by, drawn, seen);
    for (const id of Object.keys(labels)) {
      if (waiting.get(id) === 1) waiting.delete(id);
      else waiting.set(id, waiting.get(id) - 1);
    }
    if (why) {
      lost.push(...Object.entries(labels).map(([id, name]) => `cell ${cells.get(id).number} as ${said(name)}`));
      lostAt = performance.now();
      tell(`not labelled: ${lost.join(", ")}: ${why}`);
      failed();
      for (const [id, stood] of Object.entries(was)) {
        if (waiting.has(id)) continue;
        Object.assign(cells.get(id), stood);
        draw(cells.get(id));
        place(cells.get(id));
      }
      showSections();
    } else {
      if (saidAt > lostAt + LOST_STAYS_MS || !(lost.length || met.length)) { // these stay in sight while keys come fast
        lost.length = met.length = 0;
        tell("");
      }
      for (const each of meanwhile) met.push(`${each.by} called cell ${cells.get(each.id).number} ${said(each.label)}`);
      if (meanwhile.length) {
        lostAt = performance.now();
        tell(`a moment before you, ${met.join("; ")}: your label stands now, and both are kept`);
      }
    }
    await refresh().catch(() => {});
  });
}

// Returns why labels were not taken, nothing where they were; and what others said of these cells after event `seen`.
async function send(labels, by, drawn, seen) {
  try {
    const answer = await fetch("labels", {
      method: "POST",
      headers: { "content-type": "application/json", "x-smearwatch": "1" },
      body: JSON.stringify({ by, labels, drawn, event: seen }),
    });
    return answer.ok ? await answer.json() : { why: await answer.text() };
  } catch {
    return { why: "the page's program does not answer; is `smearwatch review` still running?" };
  }
}

function undo() {
  if (closed()) return tell(closed());
  const by = reader();
  const change = by && done.pop();
  if (!change) return by && tell("nothing to undo");
  const back = {}, kept = [];
  for (const [id, name] of Object.entries(change.wanted)) {
    const cell = cells.get(id), stood = change.was[id];
    if ((cell.label ?? "withdrawn") !== name) kept.push(`cell ${cell.number} has another label by now`);
    else if (stood.label && stood.by !== by) kept.push(`cell ${cell.number} had the label ${said(stood.label)} of ${stood.by}, which only they can give`);
    else back[id] = change.drawn ? "withdrawn" : stood.label ?? "withdrawn"; // a drawn cell is asked for again
    if (change.drawn) random.forget(id);
  }
  undone.push(change);
  const [first] = Object.keys(back);
  again(back, by);
  if (first && !random.on && !cells.get(first).hidden) choose(first);
  if (kept.length) sending = sending.then(() => tell(`${first ? "" : "nothing was undone: "}${kept.join("; ")}`));
}

function redo() {
  if (closed()) return tell(closed());
  const by = reader();
  const change = by && undone.pop();
  if (!change) return by && tell("nothing to redo");
  done.push(change);
  if (change.drawn) Object.keys(change.wanted).forEach((id) => random.name(id));
  const after = following(cells.get(Object.keys(change.wanted).at(-1)), change.wanted);
  again(change.wanted, by, change.drawn);
  if (!random.on) goOn(after);
}

function again(labels, by, drawn = false) {
  if (Object.keys(labels).length) queue(labels, by, say(labels, by), () => {}, drawn);
  if (random.on) ask();
  else showDetail();
}

function dropOn(row, name) {
  if (onlyLooks) return;
  row.addEventListener("dragover", (event) => { event.preventDefault(); row.classList.add("over"); });
  row.addEventListener("dragleave", () => row.classList.remove("over"));
  row.addEventListener("drop", (event) => { event.preventDefault(); row.classList.remove("over"); label(name); });
}

function tell(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

// --- what comes in

async function refresh() {
  const answer = await fetch(`cells?after=${last}`);
  if (answer.status === 401 && !lost.length) location.reload(); // to log in again; what was lost stays in sight
  if (!answer.ok) throw new Error(await answer.text());
  const { event, cells: changed, more, tally, standing, draw: drawn, closed: why, reading, read_percent: read } = await answer.json();
  busy = read !== undefined ? `the record is being read: ${read} %` : more ? "more cells are coming" : "";
  if (read !== undefined || event < last) return busy; // nothing is known yet, or an answer that was overtaken
  last = event;
  for (const each of changed) {
    const cell = cells.get(each.id) ?? { at: null };
    const { label, by, readers } = cell;
    Object.assign(cell, each);
    if (each.id === current && cell.label !== label && !waiting.has(each.id) && !random.on) {
      if (cell.label) tell(`${cell.by} calls cell ${cell.number} ${said(cell.label)} by now`);
      showDetail();
    }
    if (waiting.has(each.id)) Object.assign(cell, { label, by, readers }); // what was said here and is not written yet
    cells.set(each.id, cell);
    draw(cell);
    place(cell);
  }
  if (changed.length) showSections();
  close(why);
  showResults(tally);
  showStanding(tally, standing, reading);
  if (second || more) return more; // of a long session the cells come in parts
  random.take(drawn);
  if (random.on && current !== random.asked) {
    if (current) random.moved = performance.now(); // somebody else named it, while this reader was about to
    ask();
  } else showAsked();
}

async function showWorth() {
  const wanted = $("list").value === "worth";
  const { cells: best, says } = wanted ? await (await fetch("worth")).json() : { cells: [], says: "" };
  worth = best;
  $("about").hidden = !wanted;
  $("about").textContent = best.length ? says : "every cell has a label";
  for (const cell of cells.values()) {
    draw(cell);
    place(cell);
  }
  showSections();
}

async function poll() {
  let soon = false, told = busy;
  try {
    soon = await refresh();
    if ((failed || busy !== told) && !lost.length) tell(busy);
    failed = 0;
  } catch (error) {
    failed += 1;
    if (failed === 3 && !lost.length) tell(`no answer from the page's program: ${error.message}`);
  }
  setTimeout(poll, soon ? 0 : POLL_MS);
}

const ACTIONS = {
  n: () => { if (!random.on) nextToSee(); },
  d: () => { if ($("random")) toggleRandom(); },
  u: undo,
  y: redo,
  z: () => { field = { near: "crop", crop: "far", far: "near" }[field]; bring = "large"; showDetail(); },
  g: () => {
    if (random.on) return;
    toggleLooked($("large"));
    toLarge();
  },
  f: () => {
    shownView = null;
    $("field").hidden = !$("field").hidden;
    bring = $("field").hidden ? "large" : "field";
    showDetail();
  },
  "?": () => toggleKeys(),
};

function onKey(event) {
  if (document.querySelector("dialog[open]")) return;
  if (event.target.id === "reader" && (event.key === "Enter" || event.key === "Escape")) {
    event.preventDefault();
    tell("");
    cells.has(current) && !random.on ? sections.reveal(cells.get(current)) : $("help").focus();
    return;
  }
  if (event.key === "Escape" && !$("keys").hidden) return toggleKeys();
  if (event.target.matches("input, select") || event.altKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey) {
    if (key === "z" || key === "y") { event.preventDefault(); ACTIONS[key === "z" ? "u" : "y"](); }
    return;
  }
  if (random.on && (key.startsWith("Arrow") || key === " ")) return;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() };
  if (key in steps) { event.preventDefault(); move(steps[key], event.shiftKey); }
  else if (key === " " && event.target.matches(".cell, body")) { event.preventDefault(); if (current) choose(event.target.dataset.id ?? current, { add: true }); }
  else if (key === "Enter" && !event.target.matches("button:not(.cell)")) { event.preventDefault(); label(null); }
  else if (key in ACTIONS || key in keys) {
    event.preventDefault(); // or the key would be typed into what is focused next
    if (key in ACTIONS) ACTIONS[key]();
    else label(keys[key]);
  }
}

function toggleKeys() {
  $("keys").hidden = !$("keys").hidden;
  $("help").setAttribute("aria-expanded", String(!$("keys").hidden));
}

async function seeVerdict(verdict) {
  if (random.on) toggleRandom();
  $("list").value = "";
  await showWorth();
  setFilter({ verdict, labelled: "no" });
  const [first] = sections.shown;
  if (first) choose(first.id);
}

setUp({ make, tell, said, refresh, see: seeVerdict, settle: () => sending, reader: () => $("reader").value.trim() });
document.addEventListener("keydown", onKey);
$("gallery").addEventListener("click", (event) => {
  const card = event.target.closest(".cell");
  if (!card) return;
  if (event.shiftKey && current) {
    const { shown } = sections, to = cells.get(card.dataset.id);
    const ends = [shown.indexOf(cells.get(current)), shown.indexOf(to)];
    for (const each of shown.slice(Math.min(...ends), Math.max(...ends) + 1)) if (each !== to) chosen.add(each.id);
    for (const id of chosen) draw(cells.get(id));
    current = null;
    choose(card.dataset.id, { add: true });
  } else choose(card.dataset.id, { add: event.ctrlKey || event.metaKey });
});
$("actions").addEventListener("click", (event) => {
  const key = event.target.closest("button")?.dataset.key;
  if (key === "Enter") label(null);
  else if (key) ACTIONS[key]();
});
$("gallery").addEventListener("dragstart", (event) => {
  const card = event.target.closest(".cell");
  if (card && !chosen.has(card.dataset.id)) choose(card.dataset.id);
});
setUpFilter(() => { for (const cell of cells.values()) draw(cell); showSections(); });
for (const button of document.querySelectorAll("#names button")) {
  button.addEventListener("click", () => label(button.dataset.label));
  dropOn(button, button.dataset.label);
}
$("list")?.addEventListener("change", showWorth);
$("random")?.addEventListener("click", toggleRandom);
$("help").addEventListener("click", toggleKeys);
$("reader").value ||= localStorage.getItem("reader") ?? "";
$("reader").addEventListener("change", () => localStorage.setItem("reader", $("reader").value.trim()));
poll();
