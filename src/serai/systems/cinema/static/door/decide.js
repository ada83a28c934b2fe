/* A cut-off door's decision, in the order of the table in `tickets/checkin.py`. Pure.
 *
 * It knows two things that the table's other reader does not: who was admitted at other doors until the list was taken,
 * and nothing at all of tickets that were never issued, since only the server could know of them.
 */

/**
 * Why a token is admitted or not: a reason of the table.
 * @param verification what the token proves @param ticket its ticket, or null
 * @param list the door list {revoked, used} @param admitted scans of this device, by serial @param nonce this scan's
 */
export function reasonOf(verification, ticket, list, admitted, nonce) {
  if (!ticket) return verification;
  if (list.revoked.includes(ticket.serial)) return "revoked";
  if (verification === "wrong_show" || verification === "expired") return verification;
  const scan = admitted.get(ticket.serial);
  if (scan?.nonce === nonce) return "repeated";
  if (verification === "not_yet") return "not_yet";
  if (scan || list.used.includes(ticket.serial)) return "already_used";
  return [...admitted.values()].some((one) => one.nonce === nonce) ? "nonce_taken" : "admitted";
}

/** Serials that came through any door, as far as this device knows. */
export const admittedCount = (list, admitted) => new Set([...(list?.used ?? []), ...admitted.keys()]).size;
