// What the line at the top, the banner and the empty column say: where the session stands, what is wrong, what comes next.
const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 45rem)"); // most likely without keys

// `left` cells are still to be seen, `of` so many; `closed`: no label is taken.
export function showState(tally, { left, of, second, closed }) {
  const next = closed || !of ? "" : left ? (narrow.matches ? "choose a cell" : "press n") : second ? "" : "sign …";
  const joined = !next ? "" : left ? `: ${next}` : `; next: ${next}`;
  $("state").textContent = `${tally.cells} leukocytes counted${waiting(tally)}; ${tally.labelled} labelled; ${left} still to be ${second ? "read" : "seen"}${joined}`;
  $("hint").textContent = !of ? "No cell is counted yet. Each will stand in the middle, and here the one that is chosen."
    : next && left ? `Press n: the first cell to be ${second ? "read" : "seen"} stands here then, large.`
    : `Choose a cell to see it large.${next ? " No flagged or rejected cell is left to be seen: sign the result (sign … at the top)." : ""}`;
}

function waiting(tally) {
  const pictures = tally.frames.pending, cells = tally.cells_pending;
  const judged = cells ? `, ${cells} ${cells === 1 ? "waits" : "wait"} to be judged` : "";
  return pictures ? `${judged}; ${pictures} ${pictures === 1 ? "picture is" : "pictures are"} not counted yet` : judged;
}

export function showAlarms(tally) {
  const alarms = [tally.scale_text, tally.drift_text && `drift ${tally.drift_text}`].filter(Boolean).map((text) => `\u25b2 ${text}`);
  const said = alarms.join("\n");
  if ($("alarm").textContent !== said) $("alarm").textContent = said; // or a screen reader would say it each second
  $("alarm").hidden = !said;
  $("elsewhere").hidden = !tally.elsewhere_text;
  $("elsewhere").textContent = tally.elsewhere_text ? `\u25b2 ${tally.elsewhere_text}` : "";
  $("mark").hidden = !tally.mark;
  $("mark").textContent = tally.mark ? `? ${tally.mark}` : "";
}
