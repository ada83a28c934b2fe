/* What a door keeps on its device: lists of shows, its scans, and what the server found wrong with them (IndexedDB).
 *
 * A scan is on disk before anybody is told to come in, so an empty battery forgets nobody.
 */

const NAME = "serai-door";
const VERSION = 1;
const STORES = Object.freeze({ lists: "showId", scans: "nonce", faults: "key", settings: "name" });
const SCAN_LIFE_MS = 3 * 86_400_000;

export class Memory {
  /** Open it; rejects where the browser keeps nothing (some private windows). */
  static async open() {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(STORES)) asked.result.createObjectStore(store, { keyPath });
    };
    const memory = new Memory(await answer(asked));
    await memory.#prune();
    return memory;
  }

  constructor(database) {
    this.database = database;
  }

  /** The record with this key, or undefined. */
  get(store, key) {
    return answer(this.database.transaction(store).objectStore(store).get(key));
  }

  all(store) {
    return answer(this.database.transaction(store).objectStore(store).getAll());
  }

  /** Write records; resolves when they are on disk. */
  put(store, ...records) {
    return this.#write(store, (objects) => records.forEach((record) => objects.put(record)));
  }

  remove(store, ...keys) {
    return this.#write(store, (objects) => keys.forEach((key) => objects.delete(key)));
  }

  #write(store, work) {
    const transaction = this.database.transaction(store, "readwrite", { durability: "strict" });
    work(transaction.objectStore(store));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  /* What was uploaded days ago is the server's to remember. */
  async #prune() {
    const old = (await this.all("scans")).filter((scan) => scan.sent && Date.now() - Date.parse(scan.at) > SCAN_LIFE_MS);
    const lists = (await this.all("lists")).filter((list) => Date.now() - Date.parse(list.taken_at) > SCAN_LIFE_MS);
    if (old.length) await this.remove("scans", ...old.map((scan) => scan.nonce));
    if (lists.length) await this.remove("lists", ...lists.map((list) => list.showId));
  }
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
