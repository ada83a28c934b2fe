/* How an answer looks: a colour, a shape and words, each of which alone would do; and the lists beside it. */

const SCANS_SHOWN = 12;

export const LOOKS = Object.freeze({
  admitted: { word: "Come in", icon: "check" },
  already_used: { word: "Already used", icon: "x" },
  revoked: { word: "Not valid any more", icon: "ban" },
  wrong_show: { word: "Another show", icon: "arrow-right" },
  not_yet: { word: "Too early", icon: "clock" },
  bad_signature: { word: "Not a ticket", icon: "triangle-alert" },
  unable: { word: "Cannot check", icon: "circle-alert" },
});

const FAULTS = Object.freeze({
  double_admission: "Two people came in with this ticket.",
  revoked: "Let in after the booking was cancelled.",
  unknown_ticket: "Let in with a ticket that is not on record.",
  bad_signature: "Let in with a code that is not a ticket of ours.",
  unknown_key: "Let in with a ticket that this house did not sign.",
  from_the_future: "The clock of this device was wrong, so this scan was not recorded.",
});

export class View {
  constructor(root, zone) {
    this.root = root;
    const time = (style) => new Intl.DateTimeFormat(document.documentElement.lang, { ...style, hourCycle: "h23", timeZone: zone });
    this.minutes = time({ hour: "2-digit", minute: "2-digit" });
    this.seconds = time({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.days = time({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.scans = [];
  }

  part(name) {
    return this.root.querySelector(`[data-door=${name}]`);
  }

  clock(at) {
    return at ? this.minutes.format(new Date(at)) : "";
  }

  #icon(name) {
    return document.getElementById(`door-icon-${name}`).content.cloneNode(true);
  }

  /** The answer, until the next one. */
  answer(said) {
    const look = LOOKS[said.outcome];
    const panel = this.part("answer");
    panel.dataset.outcome = said.outcome;
    panel.dataset.local = String(Boolean(said.local) && said.outcome !== "bad_signature");
    this.part("shape").replaceChildren(this.#icon(look.icon));
    this.part("word").textContent = look.word;
    this.part("seat").textContent = said.seat ? seatWords(said.seat) : "";
    this.part("detail").textContent = this.#detail(said);
    this.part("moment").textContent = this.seconds.format(said.at);
    panel.classList.remove("door-fresh");
    void panel.offsetWidth; // the animation starts over, so that two answers of the same kind are seen as two
    panel.classList.add("door-fresh");
    navigator.vibrate?.(said.outcome === "admitted" ? 60 : [120, 80, 120]);
    this.#keep(said, look);
  }

  #detail(said) {
    switch (said.outcome) {
      case "admitted":
        return [said.seat?.category, said.confirmation_code].filter(Boolean).join(" · ") || said.message;
      case "already_used":
        return said.used_at ? `Let in at ${this.clock(said.used_at)}${said.used_by ? `, ${said.used_by}` : ""}.` : "Let in at another door before.";
      case "wrong_show":
        return said.show ? `${said.show.title}, ${said.show.screen}${said.show.starts_at ? `, ${this.days.format(new Date(said.show.starts_at))}` : ""}` : said.message;
      default:
        return said.message;
    }
  }

  #keep(said, look) {
    this.scans = [{ look, outcome: said.outcome, at: said.at, seat: said.seat, local: said.local }, ...this.scans].slice(0, SCANS_SHOWN);
    this.part("scans").replaceChildren(...this.scans.map((scan) => this.#line(scan)));
    this.part("no-scans").hidden = true;
  }

  #line({ look, outcome, at, seat }) {
    const line = element("li", { "data-outcome": outcome });
    const mark = element("span", { class: "door-dot" });
    mark.append(this.#icon(look.icon));
    line.append(mark, element("span", { class: "door-line-words" }, look.word, element("small", {}, seat ? seatWords(seat) : "")), element("time", {}, this.seconds.format(at)));
    return line;
  }

  /** Figures, the state of the network, and what came of late scans. */
  figures(desk) {
    const { admitted, expected } = desk.count;
    this.part("admitted").textContent = String(admitted);
    this.part("expected").textContent = expected === null ? "–" : String(expected);
    this.part("bar").max = Math.max(expected ?? 0, admitted, 1);
    this.part("bar").value = admitted;
    const state = this.#state(desk);
    this.root.dataset.network = state.kind;
    this.part("network").textContent = state.words;
    this.part("network-icon").replaceChildren(this.#icon(state.icon));
    const waiting = desk.waiting.length;
    this.part("waiting").hidden = waiting === 0;
    this.part("waiting-words").textContent = `${waiting} ${waiting === 1 ? "scan waits" : "scans wait"} for the network`;
    this.part("sign-in").hidden = !desk.refused;
    this.part("faults-card").hidden = desk.faults.length === 0;
    this.part("faults").replaceChildren(...desk.faults.map((fault) => this.#fault(fault)));
  }

  #state(desk) {
    const list = desk.list ? `list of ${this.clock(desk.list.taken_at)}` : "";
    if (desk.lastStatus === null) return { kind: "asking", icon: "hourglass", words: "Connecting" };
    if (desk.refused) return { kind: "refused", icon: "lock", words: desk.able && list ? `Signed out: checked here, ${list}` : "Signed out" };
    if (desk.online && desk.lastStatus === 200) {
      return { kind: "online", icon: "circle-check", words: desk.able ? "Online, and ready to go on without a network" : "Online; this browser cannot check tickets without a network" };
    }
    if (!desk.able) return { kind: "unable", icon: "circle-x", words: "No network; this browser cannot check tickets without one" };
    return { kind: "offline", icon: "circle-alert", words: list ? `No network: checked here, ${list}` : "No network, and no list on this device" };
  }

  #fault(fault) {
    const who = `${fault.device}, ${this.clock(fault.at)}`;
    const first = fault.first ? ` First: ${fault.first.device}, ${this.clock(fault.first.at)}.` : "";
    return element("li", {}, element("strong", {}, fault.seat ? seatWords(fault.seat) : "A ticket of another show"), element("span", {}, `${FAULTS[fault.reason] ?? fault.reason} ${who}.${first}`));
  }
}

const seatWords = (seat) => `Row ${seat.row} · Seat ${seat.number}`;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
