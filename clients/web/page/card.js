// A cell's card in the gallery: its picture, what it is called, the verdict, how sure the machine is.
const words = JSON.parse(document.body.dataset.labels);
const verdicts = JSON.parse(document.body.dataset.verdicts);
const SIGNS = { confirmed: "●", corrected: "◆", flagged: "▲", rejected: "✕" };

export const said = (name) => words[name] ?? name;

export function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export function cardOf(cell, onlyLooks) {
  const card = make("button", null, { type: "button", class: "cell", draggable: String(!onlyLooks), "data-id": cell.id });
  const picture = make("img", null, { loading: "lazy", decoding: "async", alt: "", width: "120", height: "120" });
  card.append(picture, make("span", "", { class: "name" }), make("span", "", { class: "verdict" }), make("span", "", { class: "verdict" }));
  return card;
}

export function paint(cell, isChosen) {
  const [picture, name, verdict, machine] = cell.card.children;
  const source = `picture/${cell.picture}`;
  if (picture.getAttribute("src") !== source) picture.setAttribute("src", source);
  name.textContent = said(cell.label ?? cell.class);
  const named = cell.label && cell.label !== cell.class ? `${cell.class} ` : "";
  if (cell.readers) [name.textContent, verdict.textContent] = cell.readers.map(([label], at) => `${at ? "or " : ""}${said(label)}`);
  else verdict.textContent = `${SIGNS[cell.verdict]} ${verdicts[cell.verdict]}`;
  machine.textContent = cell.readers ? "" : `${named}${Math.round(cell.probability * 100)} %`;
  cell.card.classList.toggle("said", Boolean(cell.label) && !cell.readers);
  cell.card.classList.toggle("chosen", isChosen);
  const readers = cell.readers ? `, readers disagree: ${cell.readers.map(([label, by]) => `${said(label)} says ${by}`).join(", ")}` : "";
  const labelled = cell.label ? `, labelled ${said(cell.label)} by ${cell.by}` : "";
  cell.card.setAttribute("aria-label",
    `cell ${cell.number}: ${cell.class}, ${verdicts[cell.verdict]}, ${Math.round(cell.probability * 100)} percent${labelled}${readers}`);
  cell.card.setAttribute("aria-pressed", String(isChosen));
}
