/* The door's calls. They give up soon: a visitor waits, and the door can decide by itself. */

const API = "/api/cinema/v1";
const SCAN_TIMEOUT_MS = 4_000;
const LIST_TIMEOUT_MS = 15_000;

/** {status, body}; status 0: nobody answered in time. */
async function call(method, path, timeoutMs, body) {
  const headers = { Accept: "application/json", ...(body ? { "Content-Type": "application/json", ...pageHeaders() } : {}) };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(API + path, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
    return { status: response.status, body: await response.json() };
  } catch {
    return { status: 0, body: {} };
  }
}

/* The token against forged requests, which the page carries for htmx. */
function pageHeaders() {
  return JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
}

export const checkIn = (scan) => call("POST", "/checkins", SCAN_TIMEOUT_MS, scan);
export const doorList = (showId) => call("GET", `/shows/${showId}/door-bundle`, LIST_TIMEOUT_MS);
export const upload = (device, scans) => call("POST", "/checkins/offline", LIST_TIMEOUT_MS, { device, scans });
