// Operations on the answers: a JSON object in which a field that is not answered is left out.
// Pure; nothing is changed in place.
import { isShown, namesIn, pointerTo } from "./model.js";

/** Where the document keeps what its values were seen on. */
export const EVIDENCE = "/evidence";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export const isAnswered = (value) => value !== undefined;

export function valueAt(answers, pointer) {
  return namesIn(pointer).reduce((node, name) => node?.[name], answers);
}

function placed(node, names, value) {
  const [name, ...rest] = names;
  const next = { ...(isObject(node) ? node : {}) };
  const below = rest.length > 0 ? placed(next[name], rest, value) : value;
  const empty = rest.length > 0 && isObject(below) && Object.keys(below).length === 0;
  if (below === undefined || empty) {
    delete next[name];
  } else {
    next[name] = below;
  }
  return next;
}

/** The answers with one value set, or taken out when it is undefined; no empty object stays. */
export function withValue(answers, pointer, value) {
  const names = namesIn(pointer);
  return names.length === 0 ? value : placed(answers, names, value);
}

/** What `assessed_default` writes for a field, given the object that holds the field. */
export function defaultFor(field, siblings) {
  const given = field.assessedDefault;
  if (isObject(given) && "if_zero" in given) {
    return siblings?.contact_deg === 0 ? given.if_zero : given.else;
  }
  return given;
}

/**
 * One field of a group edited, with what the schema says follows from it: fields whose `when`
 * no longer holds are left out, and `assessed_default` is written where it first holds. A
 * default nobody has changed moves along when what it was judged on changes.
 */
export function withFieldEdited(group, siblings, name, value) {
  const before = siblings ?? {};
  const after = { ...before, [name]: value };
  if (value === undefined) {
    delete after[name];
  }
  for (const child of group.children) {
    if (child.name === name || child.when?.field !== name) {
      continue;
    }
    if (!isShown(child, after)) {
      if (child.kind !== "hidden") {
        delete after[child.name];
      }
      continue;
    }
    const untouched = before[child.name] === defaultFor(child, before);
    if (!isAnswered(after[child.name]) || untouched) {
      const written = defaultFor(child, after);
      if (written === undefined) {
        continue;
      }
      after[child.name] = written;
    }
  }
  return after;
}

/** `quick_rest` of a group: one value for every drawn child that takes it and has no answer. */
export function withGroupAnswered(answers, group, value) {
  const open = unansweredIn(group, valueAt(answers, group.pointer));
  return open
    .filter((child) => child.allOptions.some((option) => option.value === value))
    .reduce((document, child) => withValue(document, child.pointer, value), answers);
}

/** The drawn children of a group that nobody has answered yet. */
export function unansweredIn(group, siblings) {
  return group.children.filter(
    (child) => isShown(child, siblings) && !isAnswered(siblings?.[child.name]),
  );
}

export function isVesselAnswered(answers, vessel) {
  return isAnswered(valueAt(answers, `${vessel.pointer}/contact_deg`));
}

/** `quick_rest`: one value for every vessel nobody has answered yet. */
export function withRestAnswered(answers, vessels, value) {
  return vessels
    .filter((vessel) => !isVesselAnswered(answers, vessel))
    .reduce((document, vessel) => {
      const kept = valueAt(document, vessel.pointer) ?? {};
      return withValue(document, vessel.pointer, { ...kept, ...value });
    }, answers);
}

/** The answers without the fields at the given pointers: what is sent after a refusal. */
export function without(answers, pointers) {
  return pointers.reduce((document, pointer) => {
    const known = isAnswered(valueAt(document, pointer));
    return pointer !== "" && known ? withValue(document, pointer, undefined) : document;
  }, answers);
}

/** All fields filled from one volume measurement, keyed by `fill_from`. */
export function withVolume(answers, fillable, volume) {
  return fillable.reduce((document, field) => {
    const measured = volume[field.fillFrom];
    return withValue(document, field.pointer, measured ?? undefined);
  }, answers);
}

/** A filled field typed over: the source field says so. */
export function withTypedSource(answers, fillable, pointer) {
  const edited = fillable.find((field) => field.pointer === pointer);
  const source = fillable.find((field) => field.fillFrom === "id");
  if (!edited || !source || edited === source || !isAnswered(valueAt(answers, pointer))) {
    return answers;
  }
  return withValue(answers, source.pointer, "typed");
}

function leaves(node, pointer = "", found = new Map()) {
  // What a value was seen on is one thing, however much is said of it.
  const isEvidence = namesIn(pointer).length === 2 && pointer.startsWith(`${EVIDENCE}/`);
  if (isObject(node) && !isEvidence) {
    Object.entries(node).forEach(([name, below]) => leaves(below, pointerTo(pointer, name), found));
  } else if (node !== undefined) {
    found.set(pointer, node);
  }
  return found;
}

/** `[{pointer, from, to}]`: the single values in which two answers differ. */
export function changesBetween(older, newer) {
  const from = leaves(older);
  const to = leaves(newer);
  return [...new Set([...from.keys(), ...to.keys()])]
    .filter((pointer) => JSON.stringify(from.get(pointer)) !== JSON.stringify(to.get(pointer)))
    .sort()
    .map((pointer) => ({ pointer, from: from.get(pointer), to: to.get(pointer) }));
}

/** Changes made on one version, put on top of another. */
export function withChanges(answers, changes) {
  return changes.reduce((document, { pointer, to }) => withValue(document, pointer, to), answers);
}

/** A number as a person types it: `{value}`, or `{problem}` when it cannot be read safely. */
export function numberFrom(text, unitText) {
  const trimmed = text.trim();
  if (trimmed === "") {
    return { value: undefined };
  }
  if (/^-?\d+,\d{3}$/.test(trimmed)) {
    const [whole, rest] = trimmed.split(",");
    return { problem: `${trimmed} can be read in two ways. Write ${whole}${rest} or ${whole}.${rest}.` };
  }
  if (/^-?\d+([.,]\d*)?$/.test(trimmed)) {
    return { value: Number(trimmed.replace(",", ".")) };
  }
  const unit = unitText ? ` The unit is always ${unitText}.` : "";
  return { problem: `A number alone belongs here.${unit}` };
}
