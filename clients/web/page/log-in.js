// Sends name and password, and shows why one does not get in.
const form = document.getElementById("log-in");
const refused = form.querySelector(".refused");
const button = form.querySelector("button");

function refuse(why) {
  refused.hidden = !why;
  refused.textContent = why;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refuse("");
  button.disabled = true;
  try {
    const { name, password } = form.elements;
    const answer = await fetch("/log-in", {
      method: "POST",
      headers: { "content-type": "application/json", "x-smearwatch": "1" },
      body: JSON.stringify({ name: name.value, password: password.value }),
    });
    if (answer.ok) {
      sessionStorage.setItem("failed", (await answer.json()).failed); // shown once, see log-out.js
      location.reload();
      return;
    }
    refuse(await answer.text());
    password.value = "";
    password.focus();
  } catch {
    refuse("the page's program does not answer");
  }
  button.disabled = false;
});
