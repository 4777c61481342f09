// Signing and amending: two dialogs and a banner. The program behind the page decides; here is only shown what it says.
import { apartText, limits, tenths } from "./results.js";

const $ = (id) => document.getElementById(id);
const signing = $("signing"), amending = $("amending");
let page = null; // what the page lends, see setUp in review.js
let now = null; // the tally that is shown
let asked = null; // the event and gates that the open dialog shows

export function setUp(lent) {
  page = lent;
  if (!signing) return; // whoever reads blindly does not sign, nor who only looks
  $("sign").addEventListener("click", openSigning);
  $("amend").addEventListener("click", () => open(amending));
  $("sign-form").addEventListener("submit", (event) => { event.preventDefault(); sign(); });
  $("amend-form").addEventListener("submit", (event) => { event.preventDefault(); amend(); });
  for (const dialog of [signing, amending]) dialog.querySelector(".leave").addEventListener("click", () => dialog.close());
}

const onlyLooks = Boolean(document.body.dataset.onlyLooks);

let shut = "";

// Why no label is taken, nothing while they are.
export const closed = () => (onlyLooks ? "this account may look, and not change anything" : shut);
export const close = (why) => { shut = why; };

// `reading`: what is to be said of a second reading, beside the signature.
export function showStanding(tally, standing, reading) {
  const before = now;
  now = tally;
  const signed = Boolean(tally.signed);
  const lines = [...(signed || tally.amendments.length ? standing : []), ...reading];
  $("signature").hidden = lines.length === 0;
  const said = JSON.stringify(lines);
  if ($("standing").dataset.said !== said) { // or a screen reader would say it each second
    $("standing").dataset.said = said;
    $("standing").replaceChildren(...lines.map((line) => page.make("p", line.trim())));
  }
  $("signature").classList.toggle("signed", signed);
  $("preliminary").hidden = signed;
  document.body.classList.toggle("closed", Boolean(shut));
  for (const button of document.querySelectorAll("#names button, #actions button[data-key=Enter], #actions button[data-key=u], #actions button[data-key=y]")) button.disabled = Boolean(shut);
  if (!signing) return;
  $("amend").hidden = !signed;
  $("sign").hidden = signed;
  if (signed && signing.open) {
    signing.close();
    page.tell(`you have not signed: ${lines[0]}`);
  }
  if (!signed && before?.signed && amending.open) {
    amending.close();
    page.tell("somebody has amended it already");
  }
  if (signing.open && asked && asked.event !== tally.event) ask();
}

function open(dialog) {
  const form = dialog.querySelector("form");
  form.reset();
  form.elements.by.value = page.reader();
  refuse(dialog, "");
  dialog.showModal();
  (form.elements.by.value ? form.querySelector("input:not([name=by])") ?? form.elements.by : form.elements.by).focus();
}

async function openSigning() {
  await page.settle(); // what was typed is written before it is signed
  $("gates").replaceChildren();
  if (await ask()) open(signing);
}

// Ask what stands before a signature, and show it; reasons that were typed stay.
async function ask() {
  const answer = await fetch("gates").catch(() => null);
  if (!answer?.ok) {
    const why = answer ? await answer.text() : "the page's program does not answer";
    page.tell(`cannot be signed: ${why}`);
    refuse(signing, why);
    return false;
  }
  const before = asked;
  asked = await answer.json();
  showResult(asked.tally);
  $("unsent").hidden = !asked.unsent; // no gate: it may be signed all the same
  $("unsent").textContent = asked.unsent;
  if (signing.open && JSON.stringify(before?.gates) === JSON.stringify(asked.gates)) return true; // whoever types goes on
  const typed = new Map([...$("gates").querySelectorAll("input")].map((input) => [input.name, input.value]));
  const focused = document.activeElement?.name;
  $("gates").replaceChildren(...asked.gates.map((gate) => gateRow(gate, typed.get(gate.name) ?? "")));
  if (focused && signing.open) $("sign-form").elements[focused]?.focus();
  return true;
}

function gateRow(gate, typed) {
  const row = page.make("li", null, { class: gate.passed ? "passed" : "open", "data-gate": gate.name });
  row.append(page.make("span", `${gate.passed ? "✓ passed" : "✕ open"}: ${gate.says}`));
  if (gate.passed) return row;
  if (gate.name === "flagged" || gate.name === "rejected") {
    const link = page.make("button", `see ${gate.n === 1 ? "it" : `these ${gate.n}`}`, { type: "button", class: "see" });
    link.addEventListener("click", () => { signing.close(); page.see(gate.name); });
    row.append(" ", link);
  }
  if (gate.overrulable) {
    const label = page.make("label", "sign all the same, because ", { class: "line" });
    label.append(page.make("input", null, { name: gate.name, maxlength: "1000", "aria-label": `reason to sign although ${gate.says}` }));
    label.lastChild.value = typed;
    row.append(label);
  } else row.append(page.make("p", `This cannot be overruled: ${gate.hint}.`, { class: "small" }));
  return row;
}

function showResult(tally) {
  const result = tally.reviewed ?? tally;
  const mark = result.mark ? "?" : "";
  const rows = [...Object.keys(result.counts), "neutrophils"].map((name) => {
    const share = result.percent[name], row = page.make("tr", null);
    row.append(page.make("th", page.said(name), { scope: "row" }),
      page.make("td", String(name === "neutrophils" ? result.neutrophils : result.counts[name])),
      page.make("td", share.value === null ? "–" : tenths(share.value) + mark),
      page.make("td", limits(share)));
    return row;
  });
  const all = page.make("tr", null);
  all.append(page.make("th", "leukocytes", { scope: "row" }), page.make("td", String(result.cells)), page.make("td", ""), page.make("td", ""));
  $("signed-result").tBodies[0].replaceChildren(...rows, all);
  const said = tally.reviewed ? `${result.labelled} ${result.labelled === 1 ? "cell" : "cells"} labelled, ${result.changed} of them renamed` : "nobody has labelled a cell: the machine's names stand";
  $("signed-apart").textContent = [said, apartText(result, page.said), mark && `? ${result.mark}`].filter(Boolean).join("; ");
}

async function sign() {
  const overrule = {};
  for (const gate of asked.gates.filter((each) => !each.passed)) {
    const field = $("sign-form").elements[gate.name];
    if (!gate.overrulable) return refuse(signing, `${gate.says}: this cannot be overruled`);
    overrule[gate.name] = field.value.trim();
    if (!overrule[gate.name]) {
      refuse(signing, `${gate.says}: do that first, or write why you sign all the same`);
      return field.focus();
    }
  }
  const form = $("sign-form").elements;
  await send(signing, "sign", { by: form.by.value, event: asked.event, overrule, note: form.note.value.trim() || null });
}

async function amend() {
  const form = $("amend-form").elements;
  await send(amending, "amend", { by: form.by.value, reason: form.reason.value });
}

async function send(dialog, path, body) {
  let why, sent = "";
  try {
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-smearwatch": "1" }, body: JSON.stringify(body) });
    if (answer.ok) ({ sent } = await answer.json());
    why = answer.ok ? "" : await answer.text();
  } catch {
    why = "the page's program does not answer; is `smearwatch review` still running?";
  }
  if (why) {
    refuse(dialog, why);
    if (dialog === signing) await ask();
    return;
  }
  dialog.close();
  page.tell(sent); // of the message to the laboratory's system, nothing where none is sent
  await page.refresh().catch(() => {});
  $("signature").focus();
}

function refuse(dialog, why) {
  const said = dialog.querySelector(".refused");
  said.hidden = !why;
  said.textContent = why;
}
