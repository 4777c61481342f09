// Who is logged in: leaves by a button, and hears once of failed attempts in their name.
const failed = Number(sessionStorage.getItem("failed"));
sessionStorage.removeItem("failed");
if (failed) {
  const notice = document.getElementById("notice");
  notice.hidden = false;
  notice.textContent = `before you, ${failed === 1 ? "1 attempt" : `${failed} attempts`} to log in with your name failed`;
}

document.getElementById("log-out").addEventListener("click", async () => {
  await fetch("/log-out", { method: "POST", headers: { "x-smearwatch": "1" } }).catch(() => {});
  location.assign("/");
});
