/* The signed token in a ticket's code, read and verified as `tickets/token.py` does; see there for its bytes.
 *
 * Pure but for the browser's own cryptography. Nothing that an unsigned token says is believed.
 */

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
export const TOKEN_CHARS = 154;
const PAYLOAD_BYTES = 32;
const FORMAT = 1;
const STEP_MS = 300_000;
const EPOCH_MS = Date.UTC(2020, 0, 1);
const CONTEXT = new TextEncoder().encode("serai cinema ticket\0");
const ALGORITHM = { name: "Ed25519" };

/** As a scanner types it: blanks around it and lower case are forgiven. */
export const cleaned = (text) => text.trim().toUpperCase();

/** The 96 bytes that a token writes, or null. A ticket has one spelling: the two spare bits at its end are zero. */
export function bytesOf(token) {
  if (token.length !== TOKEN_CHARS) return null;
  const bytes = new Uint8Array(PAYLOAD_BYTES + 64);
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const letter of token) {
    const value = LETTERS.indexOf(letter);
    if (value < 0) return null;
    bits = (bits << 5) | value;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = bits >> count;
    bits &= (1 << count) - 1;
  }
  return bits === 0 ? bytes : null;
}

/** {keyId, ticket: {showId, seatKey, serial, opensAt, closesAt} | null} of a token's bytes; times in milliseconds. */
export function unpack(bytes) {
  const view = new DataView(bytes.buffer);
  const keyId = view.getUint16(1);
  const seatKey = view.getUint16(19);
  const steps = view.getUint16(30);
  if (bytes[0] !== FORMAT || seatKey === 0 || steps === 0) return { keyId, ticket: null };
  const opensAt = EPOCH_MS + STEP_MS * (view.getUint16(27) * 256 + bytes[29]);
  const serial = view.getUint16(21) * 2 ** 32 + view.getUint32(23);
  return { keyId, ticket: { showId: uuid(bytes.subarray(3, 19)), seatKey, serial, opensAt, closesAt: opensAt + STEP_MS * steps } };
}

function uuid(bytes) {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** The ticket that a text claims to be, unverified: only for what the server has already admitted. */
export function claimed(token) {
  const bytes = bytesOf(token);
  return bytes && unpack(bytes).ticket;
}

/** Whether this browser can verify tickets: a secure page, and Ed25519 in its cryptography. */
export async function canVerify() {
  try {
    await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    return true;
  } catch {
    return false;
  }
}

/** {verification, ticket} of a token at a door of `showId` at the moment `atMs`; `keys` as the door list has them. */
export async function verify(token, keys, showId, atMs) {
  const bytes = bytesOf(token);
  if (!bytes) return { verification: "bad_signature", ticket: null };
  const { keyId, ticket } = unpack(bytes);
  const key = keys.find((one) => one.id === keyId);
  if (!key) return { verification: "unknown_key", ticket: null };
  if (!ticket || !(await signed(bytes, key))) return { verification: "bad_signature", ticket: null };
  return { verification: judge(ticket, showId, atMs), ticket };
}

async function signed(bytes, key) {
  const raw = Uint8Array.from(atob(key.public_key), (letter) => letter.charCodeAt(0));
  const message = new Uint8Array(CONTEXT.length + PAYLOAD_BYTES);
  message.set(CONTEXT);
  message.set(bytes.subarray(0, PAYLOAD_BYTES), CONTEXT.length);
  const imported = await crypto.subtle.importKey("raw", raw, ALGORITHM, false, ["verify"]);
  return crypto.subtle.verify(ALGORITHM, imported, bytes.subarray(PAYLOAD_BYTES), message);
}

function judge(ticket, showId, atMs) {
  if (ticket.showId !== showId) return "wrong_show";
  if (atMs < ticket.opensAt) return "not_yet";
  return atMs >= ticket.closesAt ? "expired" : "ok";
}
