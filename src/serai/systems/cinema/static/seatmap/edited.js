/* A show that is edited while somebody looks: its new prices are shown and said, and the choice is kept.
 *
 * An edit comes with a snapshot of the stream, or shows itself in the refusal of a hold (`show_changed`). It prevents a
 * buyer who reads one price and pays another.
 */

/** Every process of the server has seen an edit of a show after so long. */
const SEEN_MS = 5_500;

export class Edited {
  /** `map` is the <seat-map> that loads, takes a payload, and tells. */
  constructor(map) {
    this.map = map;
  }

  /** Whether this snapshot names other prices than ours; it is then taken as a whole. One of bare states names none. */
  seen(data) {
    if (!data.seats[0]?.price || data.version < this.map.state.version) return false;
    if (pricesOf(data.seats) === this.#prices()) return false;
    this.map.take(data);
    this.#tell();
    return true;
  }

  /** The server has refused a hold: load the show anew. A process that has not seen the edit yet is asked again. */
  async refused() {
    const { map } = this;
    const before = this.#prices();
    await map.load();
    if (this.#prices() !== before) return this.#tell();
    map.notice("This show is being changed. One moment, we look again.", "warn");
    map.setBusy(true);
    this.later = setTimeout(async () => {
      map.setBusy(false);
      await map.load();
      this.#tell();
    }, SEEN_MS);
    return undefined;
  }

  stop() {
    clearTimeout(this.later);
  }

  #prices() {
    return pricesOf([...this.map.seats.values()]);
  }

  #tell() {
    const kept = this.map.selected.size ? " Your choice is kept; nothing is held yet." : "";
    this.map.notice(`The prices or terms of this show were changed a moment ago. You see the new ones.${kept}`, "warn");
    this.map.emit("showchanged", {});
  }
}

const pricesOf = (seats) => JSON.stringify(seats.map(({ id, price }) => [id, price.amount, price.currency]).sort());
