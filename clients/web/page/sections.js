// Cells in their sections. Only those near what is seen have a card, for a session may have a hundred thousand.
const ALL = 150; // a section of so many has a card for each
const AHEAD = 1.5; // screens above and below what is seen

export class Sections {
  #root;
  #order;
  #title;
  #before;
  #card;
  #by = new Map(); // by name, in their order
  #of = new WeakMap(); // whose a card is
  #waits = false;

  // `order`: the sections' names. `before`: which of two cells comes first. `card`: makes and draws a cell's card.
  constructor(root, { order, title, before, card }) {
    this.#root = root;
    this.#order = order;
    this.#title = title;
    this.#before = before;
    this.#card = card;
    // Either the gallery scrolls, or the page does.
    document.addEventListener("scroll", () => this.#soon(), { capture: true, passive: true });
    new ResizeObserver(() => this.#soon()).observe(root);
  }

  place(cell, name) {
    const to = this.#section(name);
    if (cell.at) cell.at.sorted.splice(cell.at.sorted.indexOf(cell), 1);
    let low = 0, high = to.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#before(to.sorted[middle], cell) <= 0) low = middle + 1;
      else high = middle;
    }
    to.sorted.splice(low, 0, cell);
    cell.at = to;
  }

  // Show what was placed or hidden since; returns how many cells are shown.
  show() {
    let all = 0;
    for (const each of this.#by.values()) {
      each.shown = each.sorted.filter((cell) => !cell.hidden);
      each.head.textContent = `${this.#title(each.name)} (${each.shown.length})`;
      each.node.hidden = each.shown.length === 0;
      each.changed = true;
      all += each.shown.length;
    }
    for (const each of this.#by.values()) this.#render(each);
    return all;
  }

  sorted(name) {
    return this.#by.get(name)?.sorted ?? [];
  }

  // All that are shown, whether they have a card or not, in their order.
  get shown() {
    return [...this.#by.values()].flatMap((each) => each.shown);
  }

  columns(cell) {
    return cell?.at ? columnsOf(cell.at.grid) : 1;
  }

  // Bring a cell's card into view, and the keyboard to it.
  reveal(cell) {
    const section = cell.at, at = section.shown.indexOf(cell);
    if (at < 0) return;
    const far = !cell.card;
    if (far) this.#render(section, at);
    if (!cell.card) return; // the gallery is not there
    cell.card.focus({ preventScroll: true });
    cell.card.scrollIntoView({ block: "nearest", behavior: far ? "instant" : "auto" });
  }

  #section(name) {
    if (this.#by.has(name)) return this.#by.get(name);
    const node = document.createElement("section");
    node.setAttribute("aria-label", this.#title(name));
    node.dataset.name = name;
    const head = document.createElement("h2"), grid = document.createElement("div");
    grid.className = "cells";
    node.append(head, grid);
    const place = (each) => this.#order.indexOf(each.name);
    const made = { name, node, head, grid, sorted: [], shown: [], first: 0, end: 0, changed: true };
    const later = [...this.#by.values()].find((each) => place(each) > place(made));
    this.#root.insertBefore(node, later?.node ?? null);
    const inOrder = [...this.#by.values(), made].sort((a, b) => place(a) - place(b));
    this.#by = new Map(inOrder.map((each) => [each.name, each]));
    return made;
  }

  #soon() {
    if (this.#waits) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      for (const each of this.#by.values()) this.#render(each);
    });
  }

  // Give cards to what is near what is seen, or near the cell at `around`, and take them from the rest.
  #render(section, around = null) {
    const { grid, shown } = section;
    if (section.node.hidden) return this.#put(section, 0, 0);
    if (shown.length <= ALL) return this.#put(section, 0, shown.length);
    if (!grid.clientWidth) return; // the gallery is not shown; it will be rendered when it is
    const columns = columnsOf(grid), [pitch, gap] = pitchOf(grid), screen = Math.ceil(innerHeight / pitch);
    const top = around === null ? -grid.getBoundingClientRect().top / pitch : Math.floor(around / columns);
    const rows = Math.ceil(shown.length / columns), ahead = Math.ceil(screen * AHEAD);
    const row = (number) => Math.min(Math.max(Math.floor(number), 0), rows);
    const [from, to] = [row(top), row(top + screen + 1)];
    const kept = !section.changed && around === null && section.columns === columns
      && from * columns >= section.first && Math.min(to * columns, shown.length) <= section.end;
    if (kept) return;
    const [first, last] = [row(top - ahead), row(top + screen + 1 + ahead)];
    section.columns = columns;
    // Behind the last row there is no gap, so room without a card is as high as the cards were.
    grid.style.paddingTop = `${first === last ? rows * pitch - gap : first * pitch}px`;
    grid.style.paddingBottom = `${first === last ? 0 : (rows - last) * pitch}px`;
    this.#put(section, first * columns, Math.min(last * columns, shown.length), true);
  }

  #put(section, first, end, apart = false) {
    const { grid } = section;
    if (!apart && grid.style.paddingTop) grid.style.paddingTop = grid.style.paddingBottom = "";
    if (!section.changed && section.first === first && section.end === end) return;
    Object.assign(section, { first, end, changed: false });
    const wanted = section.shown.slice(first, end).map((cell) => {
      cell.card ??= this.#card(cell);
      this.#of.set(cell.card, cell);
      return cell.card;
    });
    const there = new Set(wanted);
    for (const card of [...grid.children]) {
      if (there.has(card)) continue;
      card.remove();
      this.#of.get(card).card = null;
    }
    // A card that stays where it is keeps the keyboard.
    let next = grid.firstElementChild;
    for (const card of wanted) {
      if (card === next) next = next.nextElementSibling;
      else grid.insertBefore(card, next);
    }
  }
}

const columnsOf = (grid) => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

// A row with the gap below it, and the gap; all cards are of one height.
function pitchOf(grid) {
  const { gridAutoRows, rowGap } = getComputedStyle(grid);
  return [parseFloat(gridAutoRows) + parseFloat(rowGap), parseFloat(rowGap)];
}
