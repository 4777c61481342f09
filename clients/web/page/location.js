// The location test: a field is marked, then compared. What the machine found comes from the program, after the marks.
import { tenths } from "./results.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), over = $("over");
const SVG = "http://www.w3.org/2000/svg";
const TAKE_AWAY_UM = 4, RING_UM = 4.5, STEP = 0.02, FINE = 0.003;
const LOOK_MS = 500; // a field that nobody can have looked at is not compared
const WORDS = { found: "found", missed: "missed", cut: "cut by the edge", again: "seen before", rejected: "rejected by the networks" };
let aim = 200, test = null, field = null, compared = null;
let marks = [], cross = null, busy = false, shownAt = Infinity;

function make(tag, text, attributes = {}) {
  const node = tag === "circle" || tag === "rect" || tag === "path" || tag === "text" ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function tell(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

// --- what the program says

async function ask(path, body) {
  if (busy) return null;
  busy = true;
  try {
    const sent = body && { method: "POST", headers: { "content-type": "application/json", "x-smearwatch": "1" }, body: JSON.stringify(body) };
    const answer = await fetch(`location/${path}`, sent);
    if (!answer.ok) {
      tell(await answer.text());
      return null;
    }
    tell("");
    return await answer.json();
  } catch {
    tell("the page's program does not answer; is `smearwatch review` still running?");
    return null;
  } finally {
    busy = false;
  }
}

function take(state) {
  if (!state) return;
  ({ aim, test, field, compared } = state);
  marks = [];
  cross = null;
  $("begin").hidden = Boolean(test || state.of_another);
  $("test").hidden = !test;
  $("kept").hidden = state.kept.length === 0;
  $("kept").querySelector("ul").replaceChildren(...state.kept.map((each) => make("li", each.line, each.withdrawn ? { class: "withdrawn" } : {})));
  stage.hidden = $("how").hidden = !field;
  if (field && !compared) shownAt = Infinity;
  if (field) {
    $("picture").src = `location/field/${field.frame}`;
    over.setAttribute("viewBox", `0 0 ${field.width_px} ${field.height_px}`);
    stage.focus({ preventScroll: true });
  }
  if (state.says) tell(state.says);
  if (state.of_another) tell(`The unfinished location test is ${state.of_another}'s, who goes on with it or throws it away.`);
  show();
}

// --- what is shown

const nextAsked = () => compared?.cells.find((cell) => cell.is === "asked" && cell.leukocyte === null);
const limits = (share) => (share.value === null ? "–" : `${tenths(share.value)} % (${tenths(share.low)} – ${tenths(share.high)})`);

function show() {
  if (!test) {
    $("state").textContent = "";
    return;
  }
  const left = nextAsked();
  $("state").textContent = `${test.marked} of ${aim} leukocytes marked, in ${test.fields} ${test.fields === 1 ? "field" : "fields"}; reader ${test.by}`;
  $("asks").textContent = !field ? "Every field of the session was marked: end the test."
    : left ? "You did not mark the cell in the thick frame. What is it?"
    : compared ? `${compared.marks.filter((mark) => mark.is === "missed").length} missed here. Next field: Enter.`
    : `Field ${field.number}, ${field.name}: mark every leukocyte, then press Enter. ${marks.length} marked here.`;
  const button = (key) => $("buttons").querySelector(`[data-key="${key}"]`);
  button("Enter").hidden = !field;
  button("Enter").disabled = Boolean(left);
  button("Enter").querySelector("span").textContent = compared ? "next field" : "compare";
  button("l").hidden = button("x").hidden = !compared?.cells.some((cell) => cell.is === "asked");
  button("u").hidden = Boolean(compared) || !field;
  showFigures();
  draw();
}

function showFigures() {
  const rows = [
    ["found by the machine", `${test.found} of ${test.marked}: ${limits(test.percent)}`],
    ["of these rejected by the networks", test.rejected],
    ["missed", test.missed],
    ["overlooked by you", test.overlooked],
    ["not leukocytes", test.not_leukocytes],
    ["its cells that are leukocytes", `${test.leukocytes} of ${test.cells}: ${limits(test.leukocytes_percent)}`],
    ["fields that cannot be shown", test.not_shown],
  ];
  $("figures").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", String(value))]));
}

function draw() {
  over.replaceChildren();
  if (!field) return;
  const ring = RING_UM / field.um_per_px, size = field.width_px / 75;
  const circle = ([x, y], kind) => over.append(make("circle", null, { cx: x, cy: y, r: ring, class: kind }));
  const word = (x, y, text) => {
    const right = x > field.width_px * 0.9; // words stay inside
    over.append(make("text", text, { x: right ? field.width_px : x, y: Math.max(y, size), "font-size": size, "text-anchor": right ? "end" : "start" }));
  };
  for (const place of field.before) circle(place, "again");
  for (const place of marks) circle(place, "mark");
  for (const mark of compared?.marks ?? []) {
    circle([mark.x, mark.y], mark.is);
    word(mark.x + ring, mark.y - ring, mark.rejected ? "found, then rejected" : WORDS[mark.is]);
  }
  const asked = nextAsked();
  for (const cell of compared?.cells ?? []) {
    const [x, y, width, height] = cell.box;
    over.append(make("rect", null, { x, y, width, height, class: cell === asked ? "asked now" : cell.is }));
    const said = cell.leukocyte === null ? "?" : cell.leukocyte ? "overlooked by you" : "not a leukocyte";
    word(x, y - size / 3, cell.is === "asked" ? said : WORDS[cell.is]);
  }
  if (cross && !compared) {
    const [x, y] = cross, long = 2 * ring;
    over.append(make("path", null, { d: `M${x - long} ${y}H${x + long}M${x} ${y - long}V${y + long}`, class: "cross" }));
  }
}

// --- what the reader does

function toggle([x, y]) {
  if (!field || compared || shownAt === Infinity) return;
  const near = TAKE_AWAY_UM / field.um_per_px;
  const away = marks.map(([a, b]) => Math.hypot(a - x, b - y));
  const nearest = away.indexOf(Math.min(...away));
  if (nearest >= 0 && away[nearest] < near) marks.splice(nearest, 1);
  else marks.push([x, y]);
  show();
}

async function goOn() {
  if (field && nextAsked()) tell("Say first what the cell in the thick frame is: l or x.");
  if (!field || nextAsked()) return;
  if (compared) return take(await ask("state"));
  if (performance.now() - shownAt < LOOK_MS) return;
  const answer = await ask("compare", { frame: field.frame, marks });
  if (!answer) return;
  ({ test, compared } = answer);
  marks = [];
  show();
}

async function say(leukocyte) {
  // The open one, and where none is left, the last one is said otherwise.
  const cell = nextAsked() ?? compared?.cells.findLast((each) => each.is === "asked");
  if (!cell) return;
  const answer = await ask("answer", { frame: field.frame, index: cell.index, leukocyte });
  if (!answer) return;
  ({ test, compared } = answer);
  show();
}

function move(event) {
  const step = (event.shiftKey ? FINE : STEP) * field.width_px;
  const [x, y] = cross ?? [field.width_px / 2, field.height_px / 2];
  const to = { ArrowLeft: [x - step, y], ArrowRight: [x + step, y], ArrowUp: [x, y - step], ArrowDown: [x, y + step] }[event.key];
  cross = [Math.min(Math.max(to[0], 0), field.width_px), Math.min(Math.max(to[1], 0), field.height_px)];
  draw();
}

const ACTIONS = {
  Enter: goOn,
  l: () => say(true),
  x: () => say(false),
  u: () => { if (!compared) { marks.pop(); show(); } },
};

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.altKey || event.metaKey || !test) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.target.matches("button, a") && (key === "Enter" || key === " ")) return;
  if (field && !compared && key.startsWith("Arrow")) move(event);
  else if (field && key === " ") { if (cross) toggle(cross); }
  else if (key in ACTIONS) ACTIONS[key]();
  else return;
  event.preventDefault();
});
over.addEventListener("click", (event) => {
  const box = over.getBoundingClientRect();
  toggle([((event.clientX - box.left) / box.width) * field.width_px, ((event.clientY - box.top) / box.height) * field.height_px]);
});
$("buttons").addEventListener("click", (event) => {
  const key = event.target.closest("button")?.dataset.key;
  if (key) ACTIONS[key]();
  stage.focus({ preventScroll: true });
});
$("begin-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { by, order } = event.target.elements;
  take(await ask("begin", { by: by.value.trim(), order: order.value }));
});
$("keep-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const state = await ask("keep", { note: event.target.elements.note.value.trim() || null });
  if (state) event.target.reset();
  take(state);
});
$("discard").addEventListener("click", async () => {
  if (confirm(`Throw away the test of ${test.marked} leukocytes? Nothing of it is kept.`)) take(await ask("discard", {}));
});
$("picture").addEventListener("load", () => { shownAt = performance.now(); });
ask("state").then(take);
