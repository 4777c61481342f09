// Both results in rows, and what is in a result and in none of its rows.
const isTie = (value) => Number.isInteger(4 * value) && (4 * value) % 2 !== 0; // of tenths; only quarters are exact
// As the record rounds: a tie goes to the even tenth, where toFixed goes up.
export const tenths = (value) => (isTie(value) && Math.floor(10 * value) % 2 === 0 ? Math.floor(10 * value) / 10 : value).toFixed(1);
export const limits = ({ low, high }) => `${tenths(low)} – ${tenths(high)}`;

export function apartText(reviewed, said) {
  const apart = [];
  if (reviewed.neutrophils_undivided) apart.push(`${reviewed.neutrophils_undivided} of the neutrophils: band or segmented not told`);
  for (const [name, n] of Object.entries(reviewed.others ?? {})) apart.push(`${said(name)}: ${n}, ${tenths(reviewed.others_per_100[name] ?? 0)} for each 100 leukocytes`);
  const aside = Object.entries(reviewed.set_aside ?? {}).map(([name, n]) => `${n} ${said(name)}`);
  if (aside.length) apart.push(`set aside: ${aside.join(", ")}`);
  return apart.join("; ");
}

// The result adjusted for the machine's errors, null where too few cells were named at random to show it.
export const adjusted = ({ corrected }) => (corrected && corrected.drawn >= corrected.needed ? corrected : null);

// How many more cells are to be named at random: first enough to show shares, then as many as bring them near.
export function asked(corrected) {
  const missing = (corrected?.needed ?? 0) - (corrected?.drawn ?? 0);
  return missing > 0 ? missing : Math.max(0, ...Object.values(corrected?.more ?? {}).map((each) => each.review ?? 0));
}

export function resultRows(tally, reviewed, { make, said, classes, second, dropOn }) {
  const corrected = adjusted(tally);
  // The machine knows no class of the laboratory's own: there persons alone count.
  const extra = second ? [] : classes.filter((name) => name.includes(":"));
  const rows = [...Object.keys(tally.counts), ...extra, "neutrophils"].map((name) => {
    const row = make("tr", null, { "data-name": name });
    row.append(make("th", said(name), { scope: "row" }));
    for (const result of second ? [tally] : [tally, reviewed]) row.append(...resultCells(result, name, make, second || result === reviewed));
    const share = corrected?.percent[name];
    if (share) row.append(make("td", tenths(share.value), { class: "sure" }), make("td", limits(share), { class: "sure" }));
    if (classes.includes(name)) dropOn(row, name);
    return row;
  });
  const all = make("tr", null);
  all.append(make("th", "leukocytes", { scope: "row" }), make("td", String(tally.cells)), make("td", ""));
  if (!second) all.append(make("td", String(reviewed.cells)), make("td", ""));
  all.append(make("td", ""));
  return [...rows, all];
}

function resultCells(result, name, make, withLimits) {
  const n = name === "neutrophils" ? result.neutrophils : result.counts[name] ?? (withLimits ? 0 : null);
  const share = result.percent[name] ?? { value: null };
  const percent = share.value === null ? (share.low === undefined ? "" : "–") : tenths(share.value) + (result.mark ? "?" : "");
  const cells = [make("td", n === null ? "" : String(n)), make("td", percent)];
  if (withLimits) cells.push(make("td", share.low === undefined ? "" : limits(share)));
  return cells;
}
