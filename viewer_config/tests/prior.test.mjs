import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../panel/api.js";
import { comparison, deltaOf, priorName, wordsOf } from "../panel/compare.js";
import { PanelStore } from "../panel/store.js";
import { FORM } from "./small_form.mjs";

const ANGLE = { unitText: "°", allOptions: [], words: [{ value: "not_assessed", label: "not assessed" }] };
const SIZE = { unitText: "mm", allOptions: [], words: [] };
const SITE = { unitText: "", allOptions: [{ value: "head", label: "Head" }], words: [] };

test("a number moves by a signed delta in its own unit", () => {
  assert.equal(deltaOf(ANGLE, 200, 120), "−80°");
  assert.equal(deltaOf(SIZE, 21.5, 24), "+2.5\u00a0mm");
  assert.equal(deltaOf(ANGLE, 200, "not_assessed"), "");
  assert.equal(deltaOf(ANGLE, 200, 200), "");
});

test("what a value was stands in the words of the form", () => {
  assert.deepEqual(comparison(ANGLE, 200, 120), { kind: "moved", text: "was 200°, −80°" });
  assert.deepEqual(comparison(ANGLE, "not_assessed", 90), { kind: "moved", text: "was not assessed" });
  assert.deepEqual(comparison(SITE, "head", "head"), { kind: "same", text: "as before" });
  assert.deepEqual(comparison(SITE, "head", undefined), { kind: "gone", text: "was Head" });
  assert.deepEqual(comparison(SITE, undefined, "head"), { kind: "new", text: "not answered before" });
  assert.equal(comparison(SITE, undefined, undefined), null);
  assert.equal(wordsOf(SITE, ["head"]), "Head");
  assert.equal(wordsOf({ allOptions: [], words: [] }, true), "yes");
});

test("the time point before is named by its case, or by its revision in the same case", () => {
  const signed_at = "2026-11-02T10:00:00+00:00";
  assert.equal(priorName({ case: "M-2026-00001", revision: 2, signed_at }), "M-2026-00001 of 2026-11-02");
  assert.equal(priorName({ case: null, revision: 1, signed_at }), "revision 1 of 2026-11-02");
  assert.equal(priorName({ case: null, round: 2, revision: 1, signed_at }), "round 2 of 2026-11-02");
});

const panelWith = (annotation, more = {}) => ({
  case: { number: "M-1" },
  me: { name: "A", may: ["view", "annotate", "sign"] },
  form: FORM,
  annotation: { answers: { grade: 1 }, version: 3, saved_at: null, signed: null, ...annotation },
  evaluations: [],
  to_sign: [],
  volumes: [],
  opinion: null,
  ...more,
});
const SIGNED = { at: "2026-11-02T10:00:00+00:00", by: "A", verdict: "x", mine: true };

test("a signed opinion is amended: what is entered then is saved over the new revision", async () => {
  const sent = [];
  const pending = [];
  const amended = panelWith({ version: 4 }, { amendment: { amends: 1, reason: "why", changes: [] } });
  const api = {
    panel: async () => panelWith({ signed: SIGNED }),
    beginAmendment: async () => structuredClone(amended),
    discardAmendment: async (version) => {
      sent.push({ discarded: version });
      return panelWith({ signed: SIGNED });
    },
    save: async (answers, version) => {
      sent.push({ answers, version });
      return { version: 5, saved_at: null, evaluations: [], to_sign: [], amendment: amended.amendment };
    },
  };
  const after = (action) => {
    pending.push(action);
    return () => pending.splice(pending.indexOf(action), 1);
  };
  const store = new PanelStore(api, { after });
  await store.load();
  assert.equal(store.mayWrite, false);
  assert.equal(store.mayAmend, true);
  await store.beginAmendment("why");
  assert.equal(store.mayWrite, true);
  assert.equal(store.state.amendment.amends, 1);
  store.edit("/grade", 2);
  pending.shift()();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(sent[0], { answers: { grade: 2 }, version: 4 });
  await store.discardAmendment();
  assert.deepEqual(sent[1], { discarded: 5 });
  assert.equal(store.mayWrite, false);
  await store.beginAmendment("again");
  assert.equal(store.mayWrite, true);
});

test("somebody else's signed opinion is not offered for amending", async () => {
  const store = new PanelStore({ panel: async () => panelWith({ signed: { ...SIGNED, mine: false } }) });
  await store.load();
  assert.equal(store.mayAmend, false);
});

test("an amendment that another window changed is not discarded unseen", async () => {
  const amended = panelWith({ version: 4 }, { amendment: { amends: 1, reason: "why", changes: [] } });
  const store = new PanelStore({
    panel: async () => structuredClone(amended),
    discardAmendment: async () => {
      throw new ApiError(409, { error: { code: "annotation_changed_elsewhere", message: "changed" } });
    },
  });
  await store.load();
  await assert.rejects(store.discardAmendment(), /changed/);
  assert.equal(store.mayWrite, true);
  assert.equal(store.queue.phase, "idle");
});
