// What a surgeon has set for a cut so far: pure, no OHIF and no server.

export const KINDS = [
  { kind: "plane", label: "a plane through three points" },
  { kind: "surface", label: "lines drawn on slices" },
  { kind: "segments", label: "Couinaud segments" },
];
export const PLANE_POINTS = ["First point", "Second point", "Third point"];
// A line whose ends lie closer together than this part of its length was closed by mistake.
const CLOSED_SHARE = 0.1;
const LINE_TOOLS = ["PlanarFreehandROI", "Length"];
const POINT_TOOL = "Probe";

const asPoint = (point) => Array.from(point, Number);
const distance = (one, other) => Math.hypot(...one.map((at, axis) => at - other[axis]));

export function lengthOf(points) {
  return points.slice(1).reduce((sum, point, index) => sum + distance(points[index], point), 0);
}

export function isClosed(points) {
  return distance(points[0], points.at(-1)) < CLOSED_SHARE * lengthOf(points);
}

/** "x, y, z" in whole millimetres, as a point is read out. */
export const inWords = (point) => point.map((at) => Math.round(at)).join(", ");

/** A cut being planned. Points are `{uid, at}`: OHIF's measurement (or null) and mm in the patient. */
export class Plan {
  kind = "plane";
  volumeId = null;
  points = [null, null, null];
  remains = null;
  lines = [];
  removed = new Set();
  /** What the next point or line set on the image is for: "point 0", "remains", "line", or null. */
  expected = null;

  expect(role) {
    this.expected = role;
  }

  /** Which role comes after one that was filled: the next empty one, or none. */
  next() {
    if (this.kind === "plane") {
      const empty = this.points.indexOf(null);
      if (empty >= 0) {
        return `point ${empty}`;
      }
    }
    return this.remains || this.kind === "segments" ? null : "remains";
  }

  /** A new measurement; whether it was taken as what was expected. */
  take({ uid, toolName, points }) {
    if (!this.expected || !points?.length) {
      return false;
    }
    if (this.expected === "line") {
      if (!LINE_TOOLS.includes(toolName) || points.length < 2) {
        return false;
      }
      this.lines = [...this.lines, { uid, at: points.map(asPoint) }];
      this.expected = null;
      return true;
    }
    return toolName === POINT_TOOL && this.set(this.expected, asPoint(points[0]), uid);
  }

  /** Fill a role with a point; true. */
  set(role, at, uid = null) {
    if (role === "remains") {
      this.remains = { uid, at };
    } else {
      this.points = this.points.with(Number(role.split(" ")[1]), { uid, at });
    }
    this.expected = this.next();
    return true;
  }

  /** A measurement was moved; whether it is one of ours. */
  moved({ uid, points }) {
    const found = [...this.points, this.remains, ...this.lines].find((one) => one?.uid === uid);
    if (!found || !uid || !points?.length) {
      return false;
    }
    found.at = this.lines.includes(found) ? points.map(asPoint) : asPoint(points[0]);
    return true;
  }

  /** Measurements were deleted. */
  gone(uids) {
    const keep = (one) => (one && one.uid && uids.includes(one.uid) ? null : one);
    this.points = this.points.map(keep);
    this.remains = keep(this.remains);
    this.lines = this.lines.filter(keep);
  }

  clear(role) {
    if (role === "remains") {
      this.remains = null;
    } else {
      this.points = this.points.with(Number(role.split(" ")[1]), null);
    }
  }

  toggle(segment) {
    if (!this.removed.delete(segment)) {
      this.removed.add(segment);
    }
  }

  /** What is still missing, as a sentence; empty when the cut is whole. */
  missing() {
    if (this.kind === "segments") {
      return this.removed.size > 0 ? "" : "Choose the segments that are taken out.";
    }
    const left = this.points.filter((point) => !point).length;
    if (this.kind === "plane" && left > 0) {
      return `${left === 3 ? "Set three points" : `Set ${left} more`} on the plane.`;
    }
    if (this.kind === "surface" && this.lines.length === 0) {
      return "Draw a line across the liver on one or more slices.";
    }
    const closed = this.lines.findIndex(({ at }) => isClosed(at));
    if (this.kind === "surface" && closed >= 0) {
      return `Line ${closed + 1} runs back to its beginning: delete it and draw it across the liver.`;
    }
    return this.remains ? "" : "Set a point in the part that remains.";
  }

  /** The cut as the server reads it. */
  toJson() {
    if (this.kind === "segments") {
      return { kind: "segments", remove: [...this.removed] };
    }
    const what =
      this.kind === "plane"
        ? { points_mm: this.points.map(({ at }) => at) }
        : { lines_mm: this.lines.map(({ at }) => at) };
    return { kind: this.kind, ...what, remains_mm: this.remains.at };
  }
}

/** Volumes that a liver can be cut from, newest first: segmented voxels, not outlines. */
export function livers(volumes) {
  return volumes.filter(
    ({ state, liver_ml: liver, outlined }) => state === "measured" && liver > 0 && !outlined,
  );
}

/** The liver that is meant unless another is chosen: the newest that is no resection's result. */
export function usualLiver(volumes) {
  const found = livers(volumes);
  return found.find(({ made }) => made?.by !== "resection") ?? found[0];
}

/** Tasks under way: `{id, label, doing, percent}`. */
export function underWay(volumes) {
  return volumes
    .filter(({ progress }) => progress)
    .map(({ id, label, progress }) => ({ id, label, ...progress }));
}
