// The random review: cells in the order of a hash, named one after another without the machine's word.
export class RandomReview {
  on = false;
  named = 0;
  left = 0;
  more = 0; // so many more are asked for
  #next = [];
  #here = new Set(); // named on this page; the server may not know yet

  take({ next, named, left }) {
    this.#next = next;
    this.named = named;
    this.left = left;
  }

  // The cell that is asked for, null where every one has a name.
  get asked() {
    return this.#next.find((id) => !this.#here.has(id)) ?? null;
  }

  name(id) {
    this.#here.add(id);
  }

  forget(id) {
    this.#here.delete(id);
  }
}
