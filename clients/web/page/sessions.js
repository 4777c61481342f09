// All sessions, searched while one types. No text becomes markup.
const find = document.getElementById("find"), state = document.getElementById("state"), notice = document.getElementById("notice");
const body = document.querySelector("#sessions tbody");
const heads = [...document.querySelectorAll("#sessions thead th")].map((head) => head.textContent);
const blind = Boolean(document.body.dataset.second);
const EVERY_MS = 3000, AFTER_KEY_MS = 150;
let timer = 0, asked = 0;

function cell(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function row(each, here) {
  const tr = document.createElement("tr");
  const link = cell("a", each.session);
  link.href = `/session/${encodeURIComponent(each.session)}/`;
  const head = document.createElement("th");
  head.scope = "row";
  head.append(link, each.running ? " (being counted)" : each.session === here ? " (here)" : "");
  const said = [each.title, each.specimen && `specimen ${each.specimen}`, each.operator && `operator ${each.operator}`, each.note].filter(Boolean).join(", ");
  tr.append(head, cell("td", each.fault ?? said));
  if (!each.fault) tr.append(...[each.began, each.frames_seen, each.frames_pending, each.cells_judged, ...(blind ? [] : [each.cells_labelled]), each.signed_by ?? ""].map((value) => cell("td", String(value))));
  // By these words a row is read where the screen is too narrow for the table.
  for (const [at, name] of heads.entries()) if (at && tr.children[at]) tr.children[at].dataset.of = name;
  return tr;
}

// Shows the sessions that fit what is typed; true where it could.
async function show() {
  clearTimeout(timer);
  const mine = ++asked;
  try {
    const answer = await fetch(`list?find=${encodeURIComponent(find.value)}`);
    if (!answer.ok) throw new Error(await answer.text());
    const { sessions, here } = await answer.json();
    if (mine !== asked) return false; // more was typed meanwhile
    body.replaceChildren(...sessions.map((each) => row(each, here)));
    state.textContent = sessions.length === 1 ? "1 session" : `${sessions.length} sessions`;
    notice.hidden = true;
    return true;
  } catch (error) {
    notice.textContent = `no answer from the page's program: ${error.message}`;
    notice.hidden = false;
    return false;
  } finally {
    if (mine === asked) timer = setTimeout(show, EVERY_MS);
  }
}

find.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, AFTER_KEY_MS);
});
find.addEventListener("keydown", async (event) => {
  if (event.key !== "Enter") return;
  const known = await show(); // what the table held may have been of fewer letters than were typed
  const first = body.querySelector("a");
  if (known && first) location.assign(first.href);
});
find.focus();
show();
