// What a value was seen on: the shape of one entry, and what becomes of entries when values change.
// Pure: what the viewer shows is handed in as plain values. All UIDs of an entry stand in `image`.
import { EVIDENCE, isAnswered, valueAt, withValue } from "./answers.js";
import { namesIn, pointerTo } from "./model.js";

const FULL_TURN_DEG = 360;
const MOST_POINTS = 8;
// Ends are kept to a tenth of a millimetre, and a field may hold whole ones.
const SAME_MM = 0.6;

// OHIF's tools by name: the kind of evidence, the number in its statistics, and its unit.
const TOOLS = {
  Length: { kind: "length", stat: "length", unit: "mm" },
  Bidirectional: { kind: "bidirectional", stat: "length", unit: "mm", other: "width" },
  Angle: { kind: "angle", stat: "angle", unit: "deg" },
  CobbAngle: { kind: "angle", stat: "angle", unit: "deg" },
};
const WORDS = {
  length: "length",
  bidirectional: "two diameters",
  angle: "angle",
  segment: "segment",
  key_image: "image",
};
const FIELD_UNITS = { mm: "mm", "°": "deg" };

const placeOf = (pointer) => pointerTo(EVIDENCE, pointer);

export const evidenceAt = (answers, pointer) => valueAt(answers, placeOf(pointer));

export const withEvidence = (answers, pointer, entry) =>
  withValue(answers, placeOf(pointer), entry);

/** `{kind, value, unit}` of a measurement of the viewer, or null for a tool that is not known. */
export function figureOf(measurement) {
  const tool = TOOLS[measurement?.toolName];
  if (!tool) {
    return null;
  }
  const found = Object.values(measurement.data ?? {}).find((stats) =>
    Number.isFinite(stats?.[tool.stat]),
  );
  return found ? { kind: tool.kind, value: rounded(found[tool.stat]), unit: tool.unit } : null;
}

/** The short axis in mm of a measurement that has two, or null. */
export function shortAxisOf(measurement) {
  const other = TOOLS[measurement?.toolName]?.other;
  const found = other && Object.values(measurement.data ?? {}).find((stats) => Number.isFinite(stats?.[other]));
  return found ? rounded(found[other]) : null;
}

/** The short axis of an entry of two diameters, from the ends of its second axis; or null. */
function shortAxisFrom(entry) {
  const [, , from, to] = entry.kind === "bidirectional" ? (entry.points_mm ?? []) : [];
  return from && to ? Math.hypot(...from.map((at, axis) => at - to[axis])) : null;
}

/** Whether a field takes what can be measured on an image: lengths and angles. */
export const isMeasurable = (field) => field.numeric && field.unitText in FIELD_UNITS;

const rounded = (value) => Math.round(value * 10) / 10;

/** The numbers a measurement offers to a field: an angle also the other way round. */
export function offersTo(field, figure) {
  if (!figure || FIELD_UNITS[field.unitText] !== figure.unit) {
    return [];
  }
  const exact = (value) => (field.whole ? Math.round(value) : rounded(value));
  const values =
    figure.unit === "deg" ? [figure.value, FULL_TURN_DEG - figure.value] : [figure.value];
  return [...new Set(values.map(exact))];
}

/** An entry for the image that is on the screen: `{image, series, image_number, window}`. */
export function keyImage(shown) {
  return { kind: "key_image", state: "supported", ...shown };
}

export function measured(measurement, figure, shown) {
  const points = (measurement.points ?? [])
    .slice(0, MOST_POINTS)
    .map((point) => Array.from(point, rounded))
    .filter((point) => point.length === 3 && point.every(Number.isFinite));
  return {
    ...figure,
    state: "supported",
    ...shown,
    ...(measurement.label ? { label: measurement.label.slice(0, 200) } : {}),
    points_mm: points,
    measurement: measurement.uid,
  };
}

/** What a measurement drawn for a field fills in: `{value, entry}`, or null where it cannot. */
export function drawnFor(field, measurement, place) {
  const figure = figureOf(measurement);
  const [value] = offersTo(field, figure);
  return place && value !== undefined
    ? { value, entry: measured(measurement, figure, place) }
    : null;
}

export function ofSegment(segment, shown) {
  const { number, label, series } = segment;
  const image = series ? { ...shown.image, SegmentationSeriesInstanceUID: series } : shown.image;
  return {
    kind: "segment",
    state: "supported",
    ...shown,
    image,
    segment_number: number,
    ...(label ? { label: label.slice(0, 200) } : {}),
  };
}

/** What was measured and has been deleted since: its values stay, and are marked. */
export function withoutSupport(answers, measurements) {
  const entries = Object.entries(valueAt(answers, EVIDENCE) ?? {});
  return entries
    .filter(([, entry]) => measurements.includes(entry.measurement) && entry.state === "supported")
    .reduce(
      (document, [pointer, entry]) =>
        withEvidence(document, pointer, { ...entry, state: "unsupported" }),
      answers,
    );
}

/** Why an entry supports its value no more. */
export function whyUnsupported(entry) {
  return entry.because === "study_detached"
    ? "its study belongs to this case no more"
    : "the measurement was deleted";
}

/** No evidence stays for a value that is no longer there. */
export function withEvidencePruned(answers) {
  return Object.keys(valueAt(answers, EVIDENCE) ?? {})
    .filter((pointer) => !isAnswered(valueAt(answers, pointer)))
    .reduce((document, pointer) => withEvidence(document, pointer, undefined), answers);
}

/** An entry in a few words: "angle 118°, series 3, image 34". */
export function evidenceWords(entry) {
  const unit = entry.unit === "deg" ? "°" : ` ${entry.unit}`;
  const figure = isAnswered(entry.value) ? ` ${entry.value}${unit}` : "";
  const segment = entry.kind === "segment" ? ` ${entry.label ?? entry.segment_number}` : "";
  const image = isAnswered(entry.image_number) ? `image ${entry.image_number}` : "";
  const where = [entry.series, image].filter(Boolean).join(", ");
  const what = entry.kind === "key_image" ? "" : `${WORDS[entry.kind]}${figure}${segment}`;
  return [what, where].filter(Boolean).join(", ") || WORDS[entry.kind];
}

/** Whether a number no longer is what was measured for it. */
export function differs(entry, field, value) {
  if (!isAnswered(entry.value) || typeof value !== "number") {
    return false;
  }
  const short = shortAxisFrom(entry);
  const isShort = short !== null && Math.abs(short - value) < SAME_MM;
  return !isShort && !offersTo(field, { value: entry.value, unit: entry.unit }).includes(value);
}

/** What a measurement says by now, where that is no longer what was bound; or null. */
export function movedTo(entry, measurement) {
  const now = measurement ? figureOf(measurement) : null;
  const moved = now && now.unit === entry.unit && now.value !== entry.value;
  return moved ? evidenceWords({ kind: now.kind, value: now.value, unit: now.unit }) : null;
}

/** The value a pointer below `evidence` speaks of, or null for any other pointer. */
export function subjectOf(pointer) {
  const names = namesIn(pointer);
  return pointer.startsWith(`${EVIDENCE}/`) ? (names[1] ?? null) : null;
}
