// The geometry of the clock face. Pure.

const FULL_TURN_DEG = 360;
const SNAP_DEG = 4;
const PAGE_STEP_DEG = 45;

/** Where an angle stands on a circle round (centre, centre); zero is up, clockwise. */
export function pointOn(centre, radius, angleDeg) {
  const radians = ((angleDeg - 90) * Math.PI) / 180;
  return { x: centre + radius * Math.cos(radians), y: centre + radius * Math.sin(radians) };
}

/** An SVG path for the arc from twelve o'clock over `angleDeg` (0 < angle < 360). */
export function arcPath(centre, radius, angleDeg) {
  const end = pointOn(centre, radius, angleDeg);
  const large = angleDeg > 180 ? 1 : 0;
  return `M ${centre} ${centre - radius} A ${radius} ${radius} 0 ${large} 1 ${end.x} ${end.y}`;
}

/** The angle under a pointer, in steps, drawn to the marks, without jumping across twelve. */
export function angleFrom(dx, dy, previousDeg, step, marks) {
  const exact = (Math.atan2(dx, -dy) * 180) / Math.PI;
  const raw = (exact + FULL_TURN_DEG) % FULL_TURN_DEG;
  const near = marks.find((mark) => Math.abs(mark - raw) <= SNAP_DEG);
  const angle = near ?? Math.round(raw / step) * step;
  if (previousDeg >= 270 && angle < 90) {
    return FULL_TURN_DEG;
  }
  if (previousDeg <= 90 && angle > 270) {
    return 0;
  }
  return Math.min(FULL_TURN_DEG, Math.max(0, angle));
}

/** The next angle for a key on the dial, or null for a key that means nothing there. */
export function angleForKey(key, angleDeg, step) {
  const moves = {
    ArrowUp: step,
    ArrowRight: step,
    ArrowDown: -step,
    ArrowLeft: -step,
    PageUp: PAGE_STEP_DEG,
    PageDown: -PAGE_STEP_DEG,
    Home: -FULL_TURN_DEG,
    End: FULL_TURN_DEG,
  };
  if (!(key in moves)) {
    return null;
  }
  return Math.min(FULL_TURN_DEG, Math.max(0, angleDeg + moves[key]));
}

/**
 * What a key means for a vessel, on its row or its dial: `{value}` by one of the form's letters
 * ("n" for none), `{digit}` to begin a number, `{move}` to the next or the one before, or null.
 */
export function meaningOf({ key, shiftKey, ctrlKey, altKey, metaKey }, keys) {
  if (ctrlKey || altKey || metaKey) {
    return null;
  }
  if (keys.has(key.toLowerCase())) {
    return { value: keys.get(key.toLowerCase()) };
  }
  if (/^[0-9]$/.test(key)) {
    return { digit: key };
  }
  return key === "Enter" ? { move: shiftKey ? -1 : 1 } : null;
}

/** "unanswered", "said" (in words, such as not assessed), "none", "touched" or "impossible". */
export function stateOf(value) {
  if (value === undefined) {
    return "unanswered";
  }
  if (typeof value !== "number") {
    return "said";
  }
  if (value < 0 || value > FULL_TURN_DEG) {
    return "impossible";
  }
  return value === 0 ? "none" : "touched";
}
