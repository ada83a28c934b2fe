/* The wire: reads and holds over HTTP, other buyers' changes over server-sent events.
 *
 * It prevents a map that looks alive but is not: the state of the connection is always told (connecting, live,
 * waiting, closed), a broken stream is opened again with growing, spread delays, and a silent one is not trusted.
 */

export const RETRY_MIN_MS = 500;
export const RETRY_MAX_MS = 30_000;

/** The wait before attempt n (0, 1, 2 ...): doubling up to a limit, spread over half of it by `chance` in [0, 1). */
export function retryDelay(attempt, chance) {
  const whole = Math.min(RETRY_MIN_MS * 2 ** attempt, RETRY_MAX_MS);
  return Math.round(whole / 2 + (whole / 2) * chance);
}

/** A refusal of the server: its RFC 9457 document, or what little is known. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || (status ? `The server answered ${status}` : "The server cannot be reached"));
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

/** Send and read JSON. @returns {Promise<{body: any, date: string|null}>} @throws {Refused} */
export async function send(method, url, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") Object.assign(headers, pageHeaders());
  let response;
  try {
    response = await fetch(url, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, {});
  }
  const text = await response.text();
  const parsed = parseOr(text, {});
  if (!response.ok) throw new Refused(response.status, parsed);
  return { body: parsed, date: response.headers.get("Date") };
}

/* What the page sends with every change of its own: htmx's inherited headers carry the token against forged requests. */
function pageHeaders() {
  const { body } = document;
  return parseOr(body.getAttribute("hx-headers:inherited") ?? body.getAttribute("hx-headers") ?? "", {});
}

function parseOr(text, otherwise) {
  try {
    return text ? JSON.parse(text) : otherwise;
  } catch {
    return otherwise;
  }
}

/** The addresses that belong to a show's address, .../shows/ID. */
export function addresses(src) {
  const url = new URL(src, document.baseURI);
  const path = url.pathname.replace(/\/+$/, "");
  const cut = path.lastIndexOf("/shows/");
  const root = `${url.origin}${path.slice(0, cut)}`;
  const show = `${url.origin}${path}`;
  return {
    showId: decodeURIComponent(path.slice(cut + "/shows/".length)),
    seats: `${show}/seats`,
    events: `${show}/events`,
    best: `${show}/best`,
    block: `${show}/block`,
    unblock: `${show}/unblock`,
    holds: `${root}/holds`,
    hold: (id) => `${root}/holds/${encodeURIComponent(id)}`,
    extend: (id) => `${root}/holds/${encodeURIComponent(id)}/extend`,
  };
}

/** The event stream of one show. `on` = {snapshot, delta, status}; status gets connecting | live | waiting | closed. */
export class LiveSeats {
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.attempt = 0;
    this.wake = () => this.#wakeUp();
  }

  open() {
    this.closed = false;
    addEventListener("online", this.wake);
    this.#connect();
  }

  close() {
    this.closed = true;
    removeEventListener("online", this.wake);
    clearTimeout(this.timer);
    this.source?.close();
    this.on.status("closed");
  }

  /** Ask for a snapshot now: the stream always begins with one. */
  resync() {
    clearTimeout(this.timer);
    this.source?.close();
    if (!this.closed) this.#connect();
  }

  #connect() {
    this.on.status("connecting");
    const source = new EventSource(this.url, { withCredentials: false });
    this.source = source;
    const message = (name, handler) =>
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.attempt = 0;
        handler(JSON.parse(event.data));
      });
    message("snapshot", (data) => {
      this.on.status("live");
      this.on.snapshot(data);
    });
    message("seats", this.on.delta);
    source.onerror = () => source === this.source && this.#retry();
  }

  #retry() {
    this.source.close();
    if (this.closed) return;
    this.on.status("waiting");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#connect(), retryDelay(this.attempt++, Math.random()));
  }

  #wakeUp() {
    if (this.source?.readyState === EventSource.OPEN) return;
    this.attempt = 0;
    this.resync();
  }
}
