// Dark room or light, as it was chosen on the review page.
export function room() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.room = localStorage.getItem("room") ?? dark;
}
