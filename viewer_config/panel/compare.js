// A value against what it was at the time point before: in words, and by how much it moved. Pure.
import { isAnswered } from "./answers.js";

const MINUS = "−";

const shown = (number) => String(Math.round(number * 100) / 100);

/** A value of a field in words: "120°", "proven", "yes". */
export function wordsOf(field, value) {
  const options = [...(field?.allOptions ?? []), ...(field?.words ?? [])];
  const word = (one) => {
    const option = options.find((known) => known.value === one);
    return option?.label ?? (typeof one === "boolean" ? (one ? "yes" : "no") : String(one));
  };
  if (Array.isArray(value)) {
    return value.map(word).join(", ");
  }
  if (typeof value === "number" && !options.some((option) => option.value === value)) {
    return `${shown(value)}${spaced(field)}`;
  }
  return word(value);
}

const spaced = (field) =>
  field?.unitText ? `${field.unitText === "°" ? "" : "\u00a0"}${field.unitText}` : "";

/** The signed difference of two numbers with the field's unit: "−80°", "+3 mm"; else empty. */
export function deltaOf(field, before, now) {
  if (typeof before !== "number" || typeof now !== "number" || before === now) {
    return "";
  }
  const by = now - before;
  return `${by < 0 ? MINUS : "+"}${shown(Math.abs(by))}${spaced(field)}`;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** `{kind, text}`: kind is moved, same, gone, new, or null where there is nothing to say. */
export function comparison(field, before, now) {
  if (!isAnswered(before)) {
    return isAnswered(now) ? { kind: "new", text: "not answered before" } : null;
  }
  if (same(before, now)) {
    return { kind: "same", text: "as before" };
  }
  const was = `was ${wordsOf(field, before)}`;
  if (!isAnswered(now)) {
    return { kind: "gone", text: was };
  }
  const delta = deltaOf(field, before, now);
  return { kind: "moved", text: delta ? `${was}, ${delta}` : was };
}

/** Where the values beside ours come from: "revision 1 of 2026-11-02", "M-2026-00001 of …". */
export function priorName(prior) {
  const day = prior.signed_at.slice(0, 10);
  const where = prior.round ? `round ${prior.round}` : `revision ${prior.revision}`;
  return `${prior.case ?? where} of ${day}`;
}
