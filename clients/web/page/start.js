// A count, started at a place that the laboratory has set; then the browser goes to its session.
const dialog = document.getElementById("starting"), form = dialog.querySelector("form");
const refused = dialog.querySelector(".refused"), working = dialog.querySelector(".working"), submit = dialog.querySelector("[type=submit]");
const HEADERS = { "content-type": "application/json", "x-smearwatch": "1" };

function tell(text) {
  refused.hidden = !text;
  refused.textContent = text;
}

async function start() {
  const { place, specimen, operator, note, target, session } = form.elements;
  const wanted = { by: document.body.dataset.reader, place: place.value, specimen: specimen.value, operator: operator.value, note: note.value, target: target.value ? Number(target.value) : null, session: session.value };
  tell("");
  submit.disabled = true;
  working.hidden = false;
  try {
    const answer = await fetch("start", { method: "POST", headers: HEADERS, body: JSON.stringify(wanted) });
    if (!answer.ok) return tell(await answer.text());
    const started = await answer.json();
    if (started.session) location.assign(`/session/${encodeURIComponent(started.session)}/`);
    else tell(started.text);
  } catch (error) {
    tell(`not known whether it was started: ${error.message}`);
  } finally {
    submit.disabled = false;
    working.hidden = true;
  }
}

document.getElementById("start").addEventListener("click", () => {
  dialog.showModal();
  form.elements.specimen?.focus();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
dialog.querySelector(".leave").addEventListener("click", () => dialog.close());
