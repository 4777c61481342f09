// The session that is counted now: a page that nobody has touched goes on to it, on another one a line leads there.
const here = document.body.dataset.session;
const line = document.getElementById("next");
const EVERY_MS = 3000;
let touched = false;
let atFirst; // the session that was counted when the page was opened, or this one where none was

for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, () => { touched = true; }, { passive: true });

function lead(session) {
  const link = document.createElement("a");
  link.href = `/session/${session}/`;
  link.textContent = session;
  line.replaceChildren("now: ", link);
}

async function poll() {
  try {
    const answer = await fetch("/now");
    const { session } = answer.ok ? await answer.json() : { session: null };
    if (session && document.body.dataset.waits) return location.assign("/");
    if (answer.ok) atFirst ??= session ?? here;
    // Whoever opened an earlier session while another is counted wants to see that one.
    if (session && session !== here && !touched && here === atFirst) return location.assign(`/session/${session}/`);
    line.hidden = !session || session === here;
    if (session && line.textContent !== `now: ${session}`) lead(session);
  } catch {
    line.hidden = true; // the page itself says that its program does not answer
  }
  setTimeout(poll, EVERY_MS);
}
poll();
