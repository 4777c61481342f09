// The frames in which the chosen leukocyte is seen whole. It is counted once; the one that was judged is marked.
const box = document.getElementById("views");

export function showViews(known, { make, choose, shown }) {
  const several = known !== null && known.views.length > 1;
  box.hidden = !several;
  if (!several) return box.replaceChildren();
  const buttons = known.views.map((view) => {
    const judged = `${view.frame}/${view.index}` === known.picture;
    const button = make("button", null, { type: "button", "aria-pressed": String(view === shown) });
    const picture = make("img", null, { src: `picture/${view.frame}/${view.index}`, alt: "", width: "72", height: "72" });
    button.append(picture, make("span", `frame ${view.number}`), make("span", judged ? "judged" : "seen again"));
    button.title = view.name;
    button.setAttribute("aria-label", `frame ${view.number}, ${view.name}, ${judged ? "this view was judged" : "seen again"}: show it in its field`);
    button.addEventListener("click", () => choose(view));
    return button;
  });
  box.replaceChildren(make("p", `seen in ${known.views.length} frames, counted once; click for the field`, { class: "small" }), ...buttons);
}
