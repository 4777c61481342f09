// Dark room or light: one switch on every page, kept for all of them. It runs before anything is drawn, so that no page lights up a dark room.
{
  const isDark = () => (localStorage.getItem("room") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => {
    document.documentElement.dataset.room = isDark() ? "dark" : "light";
    document.getElementById("light")?.setAttribute("aria-pressed", String(isDark()));
  };
  show();
  addEventListener("storage", show); // switched in another window
  addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("light").addEventListener("click", () => {
      localStorage.setItem("room", isDark() ? "light" : "dark");
      show();
    });
  });
}
