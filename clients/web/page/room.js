// Dark room or light, as the review page was left.
const button = document.getElementById("light");

function setRoom(dark) {
  document.documentElement.dataset.room = dark ? "dark" : "light";
  button.setAttribute("aria-pressed", String(dark));
  localStorage.setItem("room", dark ? "dark" : "light");
}

button.addEventListener("click", () => setRoom(document.documentElement.dataset.room !== "dark"));
setRoom((localStorage.getItem("room") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");
