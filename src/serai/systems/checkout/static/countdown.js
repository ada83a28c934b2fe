/* How long a hold still lives: the ring, the digits, and the moments at which a screen reader is told.
 *
 * The server's clock decides. Its offset from this device is taken from the Date header of the answer that brought the
 * hold, so that a device whose clock is wrong does not promise minutes that are not there.
 */

/** Seconds left at which the time is said aloud; every second would drown everything else. */
export const SPOKEN_AT_S = Object.freeze([300, 120, 60, 30, 10]);
/** From here on the ring is drawn as a warning. */
export const URGENT_S = 120;
/** By this device's clock the time is up, but the server still showed the hold: its page is asked again so soon. */
const ASK_AGAIN_MS = 1_500;
const RING_RADIUS = 20;
const RING_LENGTH = 2 * Math.PI * RING_RADIUS;

/** Whole seconds left, never below zero; rounded up so that "0:00" means over. */
export function secondsLeft(expiresAtMs, nowMs) {
  return Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000));
}

/** 9:05 */
export const clockText = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** What to say when the time left went from `before` to `after` seconds, or null. */
export function spokenAt(before, after) {
  if (after === 0) return before > 0 ? "Your hold has ended: what you held is free again." : null;
  const passed = SPOKEN_AT_S.filter((mark) => before > mark && after <= mark);
  if (!passed.length) return null;
  const mark = Math.min(...passed);
  return mark >= 60 ? `${mark / 60} ${mark === 60 ? "minute" : "minutes"} left to pay` : `${mark} seconds left to pay`;
}

/** Server minus device, in milliseconds, from a response's Date header; 0 when there is none. */
export function clockOffset(dateHeader, nowMs) {
  const server = dateHeader ? Date.parse(dateHeader) : NaN;
  return Number.isNaN(server) || Math.abs(server - nowMs) < 2000 ? 0 : server - nowMs;
}

/** The ring with its digits. `say` gets sentences for the live region, `onEnd` is called once. */
export class Countdown {
  constructor({ say, onEnd, now = () => Date.now() }) {
    this.say = say;
    this.onEnd = onEnd;
    this.now = now;
    this.timer = 0;
    this.element = document.createElement("div");
    this.element.className = "countdown";
    this.element.setAttribute("role", "timer");
    this.element.innerHTML = `<svg viewBox="0 0 48 48" aria-hidden="true"><circle class="countdown-track" cx="24" cy="24" r="${RING_RADIUS}"/><circle class="countdown-ring" cx="24" cy="24" r="${RING_RADIUS}" stroke-dasharray="${RING_LENGTH}"/></svg><span class="countdown-digits"></span>`;
    this.ring = this.element.querySelector(".countdown-ring");
    this.digits = this.element.querySelector(".countdown-digits");
  }

  start(expiresAtMs, offsetMs = 0) {
    this.stop();
    this.expiresAt = expiresAtMs - offsetMs;
    this.last = secondsLeft(this.expiresAt, this.now());
    this.whole = Math.max(this.last, this.whole ?? 0, 1);
    this.#draw(this.last);
    this.timer = setInterval(() => this.#tick(), 250);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  #tick() {
    const left = secondsLeft(this.expiresAt, this.now());
    if (left === this.last) return;
    const sentence = spokenAt(this.last, left);
    this.last = left;
    this.#draw(left);
    if (sentence) this.say(sentence);
    if (left === 0) {
      this.stop();
      this.onEnd();
    }
  }

  #draw(left) {
    this.digits.textContent = clockText(left);
    this.ring.style.strokeDashoffset = String(RING_LENGTH * (1 - left / this.whole));
    this.element.dataset.urgent = String(left <= URGENT_S);
    this.element.setAttribute("aria-label", `Time left to pay: ${clockText(left)}`);
  }
}

/** <hold-countdown expires-at="2026-01-01T12:00:00Z">: the same ring on a page of its own; dispatches `expired`. */
class HoldCountdown extends HTMLElement {
  connectedCallback() {
    const spoken = document.createElement("span");
    spoken.className = "visually-hidden";
    spoken.setAttribute("aria-live", "polite");
    this.countdown = new Countdown({
      say: (sentence) => (spoken.textContent = sentence),
      onEnd: () => this.dispatchEvent(new CustomEvent("expired", { bubbles: true })),
    });
    this.replaceChildren(this.countdown.element, spoken);
    this.countdown.start(Date.parse(this.getAttribute("expires-at")), Number(this.getAttribute("clock-offset-ms") ?? 0));
    if (this.countdown.last === 0) this.again = setTimeout(() => this.countdown.onEnd(), ASK_AGAIN_MS);
  }

  disconnectedCallback() {
    clearTimeout(this.again);
    this.countdown.stop();
  }
}
customElements.define("hold-countdown", HoldCountdown);
