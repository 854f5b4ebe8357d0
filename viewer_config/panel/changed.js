// What was changed, in words: which field, to what, and what another version says of it. Pure.
import { valueAt } from "./answers.js";
import { wordsOf } from "./compare.js";
import { evidenceWords, subjectOf } from "./evidence.js";
import { namesIn, pointerTo } from "./model.js";

/** The labels on the way to a field: "Superior mesenteric artery, Contact". */
export function pathWords(model, pointer) {
  const subject = subjectOf(pointer);
  if (subject) {
    return `${pathWords(model, subject)}, seen on`;
  }
  const words = [];
  namesIn(pointer).reduce((above, name) => {
    const here = pointerTo(above, name);
    const field = model.at.get(here);
    if (field && field.kind !== "vessels") {
      words.push(field.label);
    }
    return here;
  }, "");
  return words.join(", ") || pointer;
}

export function valueWords(model, pointer, value) {
  if (value === undefined) {
    return "not answered";
  }
  if (subjectOf(pointer)) {
    return evidenceWords(value);
  }
  return wordsOf(model.at.get(pointer), value);
}

/** What the other version says where it changed the same value, in words; empty elsewhere. */
export function clashWords(model, { pointer, from, to }, there) {
  const theirs = valueAt(there, pointer);
  const same = (value) => JSON.stringify(value) === JSON.stringify(theirs);
  return same(from) || same(to) ? "" : `the other version says ${valueWords(model, pointer, theirs)}`;
}
