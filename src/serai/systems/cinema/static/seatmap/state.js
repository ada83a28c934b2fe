/* What each seat is right now: a snapshot with a version, then numbered changes.
 *
 * Pure. It prevents the one failure that a live map must not have: showing a seat as free because a message was lost.
 * A change that does not follow the version we hold is refused and reported as a gap; the caller then asks for a
 * snapshot. A message may cover several versions at once and then names the one before it as `previous`.
 */

export const SEAT_STATES = Object.freeze(["available", "held", "booked", "blocked"]);

/** Nothing known yet. */
export const EMPTY = Object.freeze({ version: -1, seats: new Map() });

/**
 * Take a whole snapshot {version, seats: [{id, state}]}.
 * @returns {{state: object, changed: {id: string, from: string|undefined, to: string}[], gap: boolean}}
 */
export function applySnapshot(state, snapshot) {
  if (snapshot.version < state.version) return unchanged(state);
  const seats = new Map();
  const changed = [];
  for (const { id, state: to } of snapshot.seats) {
    seats.set(id, to);
    const from = state.seats.get(id);
    if (from !== to) changed.push({ id, from, to });
  }
  return { state: { version: snapshot.version, seats }, changed, gap: false };
}

/** Take a delta {version, previous?, changes: [{id, state}]}; an old one is ignored, a later one is a gap. */
export function applyDelta(state, delta) {
  if (delta.version <= state.version) return unchanged(state);
  const previous = delta.previous ?? delta.version - 1;
  if (state.version < 0 || previous > state.version) return { state, changed: [], gap: true };
  const seats = new Map(state.seats);
  const changed = [];
  for (const { id, state: to } of delta.changes) {
    const from = seats.get(id);
    if (from === undefined) return { state, changed: [], gap: true };
    if (from !== to) changed.push({ id, from, to });
    seats.set(id, to);
  }
  return { state: { version: delta.version, seats }, changed, gap: false };
}

function unchanged(state) {
  return { state, changed: [], gap: false };
}

/** How many seats are in each state, for the headline and for the legend. */
export function countStates(state) {
  const counts = Object.fromEntries(SEAT_STATES.map((name) => [name, 0]));
  for (const name of state.seats.values()) counts[name] += 1;
  return counts;
}
