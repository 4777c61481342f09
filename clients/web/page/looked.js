// What the network looked at, where the reader asks: a map over the large picture, which can be taken away again.
const button = document.querySelector("#actions [data-key=g]");
const says = document.getElementById("looked");
let on = false, of = null, widthUm = 0;

const words = (known) => `Warm is where this picture spoke for ${known.class} in the network's last layers (Grad-CAM), in steps of ${known.coarse_um} µm; `
  + "elsewhere little or nothing did. It does not say that the name is right, nor what it was there that counted; the verifiers and the rejection looked for themselves.";

// Another cell, or the same one drawn anew: the map goes with the cell for which it was asked.
export function lookAt(picture, over, um) {
  if (picture !== of) on = false;
  of = picture;
  widthUm = um;
  lay(over);
}

export function toggleLooked(over) {
  if (of === null) return;
  on = !on;
  lay(over);
}

async function lay(over) {
  button.setAttribute("aria-pressed", String(on));
  over.querySelector(".map")?.remove();
  says.hidden = !on;
  if (!on) return;
  says.textContent = "being computed; the first time this takes some seconds …";
  const asked = of;
  const answer = await fetch(`looked/${asked}`).catch(() => null);
  const known = answer?.ok ? await answer.json() : { why: answer ? await answer.text() : "the page's program does not answer" };
  if (!on || asked !== of) return;
  if (known.why) {
    says.textContent = `not shown: ${known.why}`;
    return;
  }
  says.textContent = known.says_nothing
    ? `Nothing in this picture spoke for ${known.class} in the network's last layers (Grad-CAM): it was named because less spoke for the others.`
    : words(known);
  const map = document.createElement("img");
  map.className = "map";
  map.alt = `where the picture spoke for ${known.class}`;
  map.src = `looked/${asked}/map`;
  map.style.width = `${(100 * known.side_um) / widthUm}%`;
  over.querySelector(".map")?.remove();
  over.append(map);
}
