/* Who may come in: asked of the server, or decided here when nobody answers; and bringing the two together again.
 *
 * Three disappointments are prevented: a queue that waits for a dead network, an admission that is forgotten, and a
 * conflict between two doors that nobody hears of.
 */

import { admittedCount, reasonOf } from "./decide.js";
import { claimed, cleaned, TOKEN_CHARS, verify } from "./token.js";
import { checkIn, doorList, upload } from "./wire.js";

/** After a call without answer, so long nobody is kept waiting for another one; the list's next answer ends it sooner. */
const CUT_OFF_MS = 20_000;
const UPLOAD_MAX = 200;
const NONCE_BYTES = 16;
const OUTCOMES = new Set(["already_used", "revoked", "wrong_show", "not_yet", "bad_signature"]);

export class Desk {
  /** `memory` may be null (nothing is kept, so nothing is decided here); `changed()` is called when figures changed. */
  constructor({ data, device, memory, able, changed }) {
    Object.assign(this, { data, device, memory, changed });
    this.able = able && memory !== null;
    this.list = null;
    this.admitted = new Map();
    this.waiting = [];
    this.faults = [];
    this.cutOffUntil = 0;
    this.lastStatus = null;
  }

  /** What the device remembers. */
  async restore() {
    if (!this.memory) return;
    const { show, house } = this.data;
    this.list = (await this.memory.get("lists", show.id)) ?? null;
    const scans = (await this.memory.all("scans")).filter((scan) => scan.house === house);
    for (const scan of scans.filter((one) => one.showId === show.id)) this.admitted.set(scan.serial, scan);
    this.waiting = scans.filter((scan) => !scan.sent);
    this.faults = await this.memory.all("faults");
    this.changed();
  }

  get online() {
    return this.lastStatus !== null && this.lastStatus !== 0;
  }

  /** Signed out, or the role was taken away: scans wait until somebody signs in. */
  get refused() {
    return this.lastStatus === 401 || this.lastStatus === 403;
  }

  get count() {
    return { admitted: admittedCount(this.list, this.admitted), expected: this.list?.tickets ?? null };
  }

  /** Server minus device, in milliseconds, when the list was taken: scans are dated by the server's clock. */
  now() {
    return new Date(Date.now() + (this.list?.offsetMs ?? 0));
  }

  /** Decide on what was scanned. @returns {outcome, reason, message, ticket?, seat?, ...what is known} */
  async scan(text) {
    const token = cleaned(text);
    const nonce = newNonce();
    const said = (await this.#ask(token, nonce)) ?? (await this.#decide(token, nonce));
    this.changed();
    return { ...said, at: this.now() };
  }

  async #ask(token, nonce) {
    if (token.length !== TOKEN_CHARS) return this.#decision("bad_signature");
    if (Date.now() < this.cutOffUntil || !navigator.onLine) return null;
    const { status, body } = await checkIn({ token, nonce, show_id: this.data.show.id, device: this.device });
    const answered = status === 200 || (status === 409 && OUTCOMES.has(body.code));
    this.#heard(answered ? 200 : status);
    if (status === 200) {
      await this.#remember(token, nonce, body.used_at, true);
      return { ...body, local: false };
    }
    return answered ? { ...body, outcome: body.code, message: body.detail, local: false } : null;
  }

  #heard(status) {
    this.lastStatus = status;
    this.cutOffUntil = status === 200 ? 0 : Date.now() + CUT_OFF_MS;
  }

  /** The browser says that there is no network. */
  cutOff() {
    this.#heard(0);
    this.changed();
  }

  async #decide(token, nonce) {
    if (!this.able) return { outcome: "unable", reason: "unable", message: "There is no network, and this browser cannot check tickets by itself. Use another device." };
    if (!this.list) return { outcome: "unable", reason: "no_list", message: "There is no network, and this device has not loaded the list of this show yet." };
    const at = this.now();
    const { verification, ticket } = await verify(token, this.list.keys, this.data.show.id, at.getTime());
    const reason = reasonOf(verification, ticket, this.list, this.admitted, nonce);
    const first = ticket && this.admitted.get(ticket.serial);
    if (reason === "admitted") await this.#remember(token, nonce, at.toISOString(), false);
    const used = reason === "already_used" ? { used_at: first?.at ?? null, used_by: first?.device ?? null } : {};
    return { ...this.#decision(reason), ...used, seat: this.#seat(ticket), local: true };
  }

  #decision(reason) {
    return { ...this.data.decisions[reason], reason, local: true };
  }

  #seat(ticket) {
    const found = ticket?.showId === this.data.show.id && this.data.seats[ticket.seatKey];
    return found ? { row: found[0], number: found[1], category: found[2] } : null;
  }

  /* An admission is on disk before it is told. */
  async #remember(token, nonce, at, sent) {
    const ticket = claimed(token);
    const { device, data } = this;
    const scan = { nonce, token, serial: ticket.serial, seat: this.#seat(ticket), at, device, sent, showId: data.show.id, house: data.house };
    await this.memory?.put("scans", scan);
    this.admitted.set(ticket.serial, scan);
    if (!sent) this.waiting.push(scan);
  }

  /** Take a fresh list, and bring what was scanned without a network. Called every few seconds. */
  async refresh() {
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      const asked = Date.now();
      const { status, body } = await doorList(this.data.show.id);
      this.#heard(status);
      if (status === 200) {
        await this.#take(body, (asked + Date.now()) / 2);
        await this.#bring();
      }
    } finally {
      this.refreshing = false;
      this.changed();
    }
  }

  async #take(body, heardMs) {
    this.list = { ...body, showId: this.data.show.id, offsetMs: Date.parse(body.taken_at) - heardMs };
    await this.memory?.put("lists", this.list);
  }

  async #bring() {
    while (this.waiting.length) {
      const { device } = this.waiting[0];
      const batch = this.waiting.filter((scan) => scan.device === device).slice(0, UPLOAD_MAX);
      const { status, body } = await upload(device, batch.map(({ token, nonce, at }) => ({ token, nonce, at })));
      if (status !== 200) return this.#heard(status);
      await this.#brought(batch, body);
    }
    return undefined;
  }

  /* Faults are kept before the scans count as sent: a page that is closed between the two only asks again. */
  async #brought(batch, { conflicts, rejected }) {
    const seatOf = new Map(batch.map((scan) => [scan.serial, scan.seat]));
    const found = conflicts.map((each) => ({ ...each, key: `${each.serial} ${each.device} ${each.at}`, seat: seatOf.get(each.serial) }));
    const unread = rejected.map(({ index, code }) => ({ ...batch[index], token: undefined, reason: code, key: batch[index].nonce }));
    await this.memory?.put("faults", ...found, ...unread);
    for (const scan of batch) scan.sent = true;
    await this.memory?.put("scans", ...batch);
    this.waiting = this.waiting.filter((scan) => !scan.sent);
    const keys = new Set([...found, ...unread].map((fault) => fault.key));
    this.faults = [...this.faults.filter((fault) => !keys.has(fault.key)), ...found, ...unread];
  }

  /** Somebody has looked at the conflicts. */
  async forgetFaults() {
    await this.memory?.remove("faults", ...this.faults.map((fault) => fault.key));
    this.faults = [];
    this.changed();
  }
}

function newNonce() {
  return [...crypto.getRandomValues(new Uint8Array(NONCE_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
