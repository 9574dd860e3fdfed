/** Colours of services: the same name has the same colour wherever it can. */

const COLORS = 10;

function hash(text: string): number {
  let value = 2166136261;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 16777619);
  }
  return value >>> 0;
}

/** A colour index (0–9) for each name: by its own hash, moved on while another name of the set holds it. */
export function assignColors(names: Iterable<string>): ReadonlyMap<string, number> {
  const assigned = new Map<string, number>();
  const used = new Set<number>();
  for (const name of [...new Set(names)].sort()) {
    let color = hash(name) % COLORS;
    for (let tries = 0; used.has(color) && tries < COLORS; tries++) color = (color + 1) % COLORS;
    used.add(color);
    assigned.set(name, color);
  }
  return assigned;
}
