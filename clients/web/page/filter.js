// Which cells are shown: by verdict, by what they are called, by labels, by frame.
const $ = (id) => document.getElementById(id);
const FIELDS = ["verdict", "called", "labelled", "in-frame"];

export function setUpFilter(changed) {
  for (const id of FIELDS) $(id).addEventListener($(id).tagName === "INPUT" ? "input" : "change", changed);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
}

export function setFilter(values) {
  for (const id of FIELDS) $(id).value = values[id] ?? "";
  $("verdict").dispatchEvent(new Event("change"));
}

export function fits(cell, name) {
  const [verdict, called, labelled, frame] = FIELDS.map((id) => $(id).value);
  if (verdict && cell.verdict !== verdict) return false;
  if (called && name !== called) return false;
  if (labelled && Boolean(cell.label) !== (labelled === "yes")) return false;
  return seenIn(cell, frame.trim().toLowerCase());
}

// A number is that of a frame; anything else a part of its name.
function seenIn(cell, wanted) {
  if (!wanted) return true;
  return cell.seen_in.some(([number, name]) => String(number) === wanted || (!/^\d+$/.test(wanted) && name.toLowerCase().includes(wanted)));
}
