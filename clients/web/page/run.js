// The count beside the page, where one runs: what it does, and buttons that ask before they do anything.
const box = document.getElementById("run");
const questions = JSON.parse(box.dataset.questions);
const state = box.querySelector("[data-part=state]");
const question = box.querySelector("[data-part=question]");
const buttons = [...box.querySelectorAll("button[data-action]")];
const after = document.getElementById("after");
const nexting = document.getElementById("nexting"); // not there for who only looks
const form = nexting?.querySelector("form"), refused = nexting?.querySelector(".refused");
const EVERY_MS = 2000;
const HEADERS = { "content-type": "application/json", "x-smearwatch": "1" };
let wanted = null;

function show(text, trouble = null) {
  box.hidden = text === null;
  if (text !== null) state.textContent = trouble === null ? text : `${text}; ${trouble}`;
  for (const button of buttons) {
    const action = button.dataset.action;
    const ending = text === "stopping" || (text !== null && text.startsWith("finishing"));
    button.hidden = (ending && (action !== "stop" || text === "stopping")) || (action === "pause" && text !== "counting") || (action === "resume" && text !== "paused");
  }
  if (text === null || text === "stopping") askFor(null);
}

function showAfter(session) {
  after.hidden = session === null;
  if (session === null || session === after.dataset.session) return;
  after.dataset.session = session;
  const link = after.querySelector("a");
  link.textContent = session;
  link.href = `../${encodeURIComponent(session)}/`;
}

function askFor(action) {
  if (!question) return;
  wanted = action;
  question.hidden = action === null;
  question.querySelector("span").textContent = action === null ? "" : questions[action];
  if (action !== null) question.querySelector("[data-answer=no]").focus();
}

async function poll() {
  try {
    const answer = await fetch("run");
    if (answer.ok) {
      const { state: now, next_session: next, trouble } = await answer.json();
      show(now, trouble);
      showAfter(next);
    }
  } catch {
    box.hidden = true; // the page itself says that its program does not answer
  }
  setTimeout(poll, EVERY_MS);
}

async function act(action) {
  try {
    const answer = await fetch("run", { method: "POST", headers: HEADERS, body: JSON.stringify({ action }) });
    const said = answer.ok ? await answer.json() : { text: await answer.text(), state: undefined };
    if (said.state !== undefined) show(said.state);
    state.textContent = said.text;
  } catch (error) {
    state.textContent = `not done: ${error.message}`;
  }
}

function refuse(text) {
  refused.hidden = !text;
  refused.textContent = text;
}

async function next() {
  const { specimen, operator, note, target } = form.elements;
  const by = document.getElementById("reader").value.trim();
  const wanted = { by, specimen: specimen.value, operator: operator.value, note: note.value, target: target.value ? Number(target.value) : null };
  try {
    const answer = await fetch("next", { method: "POST", headers: HEADERS, body: JSON.stringify(wanted) });
    if (!answer.ok) return refuse(await answer.text());
    nexting.close();
    state.textContent = `${(await answer.json()).text}`;
  } catch (error) {
    refuse(`not done: ${error.message}`);
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  next();
});
nexting?.querySelector(".leave").addEventListener("click", () => nexting.close());
box.addEventListener("click", (event) => {
  const { action, answer } = event.target.closest("button")?.dataset ?? {};
  if (action === "next") {
    form.reset();
    refuse("");
    nexting.showModal();
    form.elements.specimen.focus();
    return;
  }
  if (action) askFor(action);
  if (answer === "no") askFor(null);
  if (answer === "yes") {
    act(wanted);
    askFor(null);
  }
});
poll();
