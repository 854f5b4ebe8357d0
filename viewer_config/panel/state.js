// The shape of what the panel knows, and what the server's answers and a change make of it. Pure.
import { subjectOf } from "./evidence.js";
import { isShown, modelOf } from "./model.js";

/** Before anything was read. */
export const NOTHING = {
  loading: true,
  failure: null,
  panel: null,
  model: null,
  answers: {},
  options: {},
  version: 0,
  prior: null,
  amendment: null,
  older: [],
  response: [],
  savedAt: null,
  signed: null,
  evaluations: [],
  differences: [],
  toSign: [],
  volumes: [],
  opinion: null,
  together: null,
  refused: new Map(),
  unreadable: new Map(),
  complaint: null,
  conflict: null,
  ended: null,
  kept: false,
  restored: 0,
  unsent: null,
  undo: null,
  drawing: null,
};

const covers = (a, b) => a === b || b.startsWith(`${a}/`);

/** What the server says of the whole case; the answers of `unsaved`, where there is one, are kept. */
export function readFrom(panel, unsaved) {
  const { annotation } = panel;
  return {
    loading: false,
    panel,
    model: modelOf(panel.form),
    answers: unsaved ? unsaved.answers : annotation.answers,
    options: unsaved ? unsaved.options : (annotation.options ?? {}),
    version: unsaved ? unsaved.version : annotation.version,
    prior: panel.prior ?? null,
    amendment: panel.amendment ?? null,
    response: panel.response ?? [],
    older: annotation.older ?? [],
    savedAt: annotation.saved_at,
    signed: annotation.signed,
    evaluations: panel.evaluations,
    differences: panel.differences ?? [],
    toSign: panel.to_sign,
    volumes: panel.volumes,
    opinion: panel.opinion,
    together: panel.panel ?? null,
    ...(annotation.signed ? { refused: new Map(), unreadable: new Map(), undo: null } : {}),
  };
}

/** What the server says once it has saved. */
export function savedAs(reply) {
  return {
    version: reply.version,
    savedAt: reply.saved_at,
    evaluations: reply.evaluations,
    differences: reply.differences ?? [],
    toSign: reply.to_sign,
    amendment: reply.amendment ?? null,
    response: reply.response ?? [],
    ended: null,
    kept: false,
    complaint: null,
  };
}

/** The refusals that a change at `pointer` leaves standing. */
export function refusedBut(state, pointer) {
  const related = (key) => covers(pointer, key) || covers(key, pointer);
  return new Map([...state.refused].filter(([key]) => !related(subjectOf(key) ?? key)));
}

/** `{unreadable, refused}` without what stood at `pointer` and below it. */
export function withoutProblemsAt(state, pointer) {
  const unreadable = [...state.unreadable].filter(([key]) => !covers(pointer, key));
  return { unreadable: new Map(unreadable), refused: refusedBut(state, pointer) };
}

/** What stands at a field: unreadable text first, then the server's refusal. */
export function problemAt(state, pointer) {
  return state.unreadable.get(pointer)?.problem ?? state.refused.get(pointer) ?? null;
}

/** Fields of a group that are drawn, given the group's answers. */
export function shownChildren(group, siblings) {
  return group.children.filter((child) => isShown(child, siblings));
}
