// The random review: cells in the order of a hash, named one after another without the machine's word.
export class RandomReview {
  on = false;
  named = 0;
  left = 0;
  more = 0; // so many more are asked for
  closed = false; // signed: no label is taken, so nothing is asked for
  moved = -Infinity; // when another cell came in the place of the one that was asked for
  #next = [];
  #here = new Set(); // named on this page; the server may not know yet
  #back = []; // taken back on this page; the server may not ask for them yet

  take({ next, named, left, closed }) {
    this.#back = this.#back.filter((id) => !next.includes(id));
    this.#next = [...this.#back, ...next];
    this.named = named;
    this.left = left;
    this.closed = closed;
  }

  // The cell that is asked for, null where every one has a name, or the session is signed.
  get asked() {
    return this.closed ? null : this.#next.find((id) => !this.#here.has(id)) ?? null;
  }

  name(id) {
    this.#here.add(id);
    this.#back = this.#back.filter((each) => each !== id);
  }

  forget(id) {
    this.#here.delete(id);
    this.#back = [id, ...this.#back];
    this.#next = [id, ...this.#next.filter((each) => each !== id)];
  }
}
