// What the session is of, said or corrected: the program behind the page writes it, and keeps what was said before.
const dialog = document.getElementById("describing"), form = dialog.querySelector("form"), refused = dialog.querySelector(".refused");
const HEADERS = { "content-type": "application/json", "x-smearwatch": "1" };
const NAMES = ["title", "specimen", "operator", "note"];

function refuse(text) {
  refused.hidden = !text;
  refused.textContent = text;
}

async function open() {
  const answer = await fetch("said");
  const said = answer.ok ? await answer.json() : {};
  for (const name of NAMES) form.elements[name].value = said[name] ?? "";
  form.elements.by.value = document.getElementById("reader").value.trim();
  refuse(answer.ok ? "" : await answer.text());
  dialog.showModal();
}

async function say() {
  const wanted = Object.fromEntries([...NAMES, "by"].map((name) => [name, form.elements[name].value]));
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
