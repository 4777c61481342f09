// A tally by keys, as on a differential counter: each key is sent in its order and shown once it is on the disk.
import { limits, tenths } from "./results.js";
import { ring, tone } from "./sound.js";

const keys = JSON.parse(document.body.dataset.keys), words = JSON.parse(document.body.dataset.labels), classes = JSON.parse(document.body.dataset.classes);
const $ = (id) => document.getElementById(id);
const ending = $("ending");
let shown = null; // what is on the disk
let sending = Promise.resolve();

function cell(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function tell(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

const keyOf = (name) => Object.keys(keys).filter((key) => keys[key] === name).join(" ");

// --- sounds: a tone of its own for each class, and three bells at the target

function soundOf(name) {
  const at = classes.indexOf(name);
  return at < 0 ? 200 : 330 * 2 ** (at / 6); // six steps of an octave, lower for all that is none of the six
}

// --- what is shown

function show(next) {
  shown = next;
  $("tally").hidden = false;
  $("begin").hidden = true;
  const rows = classes.map((name) => line(name, words[name], shown.counts[name] ?? 0, shown.percent[name]));
  rows.push(line("neutrophil", words.neutrophil, shown.neutrophils_undivided));
  const all = line("", "neutrophils", shown.neutrophils, shown.percent.neutrophils);
  all.classList.add("sum");
  $("classes").tBodies[0].replaceChildren(...rows, all);
  const apart = { ...shown.others, ...shown.set_aside };
  const among = new Set([...classes, "neutrophil"]);
  const others = [...new Set(Object.values(keys))].filter((name) => !among.has(name));
  $("apart").tBodies[0].replaceChildren(...others.map((name) => line(name, words[name], apart[name] ?? 0)));
  $("state").textContent = `${shown.cells} of ${shown.target} leukocytes, by ${shown.by}`;
  $("ring").classList.toggle("reached", shown.cells >= shown.target);
}

function line(name, text, n, share) {
  const tr = document.createElement("tr");
  tr.dataset.name = name;
  tr.classList.toggle("last", Boolean(name) && shown.last === name);
  const head = cell("th", text);
  head.scope = "row";
  const key = cell("td", "");
  if (name) {
    // For a finger, where there are no keys; it never has the focus, for Enter there would count one more.
    const button = cell("button", keyOf(name));
    button.tabIndex = -1;
    button.setAttribute("aria-label", `count: ${text}`);
    key.append(button);
  }
  tr.append(key, head, cell("td", String(n)));
  if (share) tr.append(cell("td", share.value === null ? "–" : `${tenths(share.value)} %`), cell("td", share.value === null ? "–" : limits(share)));
  return tr;
}

// --- what is sent

async function send(path, body) {
  const headers = { "content-type": "application/json", "x-smearwatch": "1" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function type(name) {
  sending = sending.then(async () => {
    const before = shown.cells;
    try {
      show(await send("tally/key", { name, number: shown.number }));
    } catch (error) {
      tell(`NOT COUNTED: ${error.message}`);
      ring();
      const { by, target } = shown;
      await send("tally/begin", { by, target }).then(show, () => {}); // what another window has counted
      return;
    }
    tell("");
    const reached = name !== null && before < shown.target && shown.cells >= shown.target;
    if (name === null) $("ring").textContent = shown.taken ? `taken back: ${words[shown.taken]}` : "nothing is left to be taken back";
    else if (shown.cells >= shown.target) $("ring").textContent = `✓ ${shown.cells} leukocytes: the target of ${shown.target} is reached. Enter ends, further keys count on.`;
    else $("ring").textContent = `${words[name]} (Backspace takes it back)`;
    if (reached) ring();
    else if (name !== null && $("sound").checked) tone(soundOf(name));
  });
}

async function end(how) {
  ending.close();
  if (!how) return;
  await sending;
  try {
    const ended = await send("tally/end", { ending: how });
    const kept = ended.ordinal ? `kept with the session, as tally ${ended.ordinal}` : { keep: "nothing was tallied", discard: "thrown away, as asked", later: "unfinished: begin goes on with it" }[how];
    shown = null;
    $("tally").hidden = true;
    $("begin").hidden = false;
    $("state").textContent = `${ended.cells} leukocytes: ${kept}`;
    tell("");
  } catch (error) {
    tell(`not done, and the tally is safe: ${error.message}`);
  }
}

async function ask() {
  await sending;
  $("ending-says").textContent = `${shown.number} cells, ${shown.cells} of them leukocytes. It stands beside the session's own count; smearwatch sessions show --pooled adds both up.`;
  ending.showModal();
  ending.querySelector("[data-ending=keep]").focus();
}

$("begin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target.elements;
  try {
    show(await send("tally/begin", { by: form.by.value.trim(), target: form.target.value ? Number(form.target.value) : null }));
    localStorage.setItem("reader", form.by.value.trim());
    $("ring").textContent = shown.number ? `continued: ${shown.number} cells of the unfinished tally` : "";
    document.activeElement.blur();
    tell("");
  } catch (error) {
    tell(error.message);
  }
});
document.addEventListener("keydown", (event) => {
  if (!shown || ending.open || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Backspace" || event.key === "Enter") {
    // A button of the dialog has the focus until the dialog, closed by now, is gone from the screen.
    if (event.target.matches("button, a") && !ending.contains(event.target)) return;
    event.preventDefault();
    if (event.key === "Backspace") type(null);
    else ask();
    return;
  }
  const name = keys[event.key.toLowerCase()];
  if (!name || event.repeat) return; // a key that is held down is one cell
  event.preventDefault();
  type(name);
});
$("tally").addEventListener("mousedown", (event) => { if (event.target.closest("td button")) event.preventDefault(); });
$("tally").addEventListener("click", (event) => {
  const row = event.target.closest("td button")?.closest("tr");
  if (row) type(row.dataset.name);
});
$("undo").addEventListener("click", () => type(null));
$("end").addEventListener("click", ask);
ending.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) end(button.dataset.ending);
});
$("begin").elements.by.value ||= localStorage.getItem("reader") ?? "";
