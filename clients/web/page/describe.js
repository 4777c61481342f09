// What the session is of, said or corrected: the program behind the page writes it, and keeps what was said before.
const dialog = document.getElementById("describing"), form = dialog.querySelector("form"), refused = dialog.querySelector(".refused");
const HEADERS = { "content-type": "application/json", "x-smearwatch": "1" };
const NAMES = ["title", "specimen", "operator", "note"];

function refuse(text) {
  refused.hidden = !text;
  refused.textContent = text;
}

let before = {}; // what was said when the dialog was opened: only what is changed in it is sent

async function open() {
  const answer = await fetch("said").catch(() => null);
  const notice = document.getElementById("notice");
  if (!answer?.ok) {
    notice.hidden = false;
    notice.textContent = answer ? await answer.text() : "no answer from the page's program";
    return;
  }
  const said = await answer.json();
  before = Object.fromEntries(NAMES.map((name) => [name, said[name] ?? ""]));
  for (const name of NAMES) form.elements[name].value = said[name] ?? "";
  form.elements.by.value = document.getElementById("reader").value.trim();
  refuse("");
  dialog.showModal();
}

async function say() {
  const changed = NAMES.filter((name) => form.elements[name].value.trim() !== before[name]);
  const wanted = Object.fromEntries([...changed, "by"].map((name) => [name, form.elements[name].value]));
  try {
    const answer = await fetch("describe", { method: "POST", headers: HEADERS, body: JSON.stringify(wanted) });
    if (answer.ok) dialog.close();
    else refuse(await answer.text());
  } catch (error) {
    refuse(`not done: ${error.message}`);
  }
}

document.getElementById("describe").addEventListener("click", open);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
dialog.querySelector(".leave").addEventListener("click", () => dialog.close());
