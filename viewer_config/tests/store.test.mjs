import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../panel/api.js";
import { clashWords } from "../panel/changed.js";
import { problemAt } from "../panel/state.js";
import { PanelStore } from "../panel/store.js";
import { FORM } from "./small_form.mjs";

const PANEL = {
  case: { number: "M-1" },
  me: { name: "A", may: ["view", "annotate", "sign"] },
  form: FORM,
  annotation: { answers: { grade: 1 }, version: 3, saved_at: null, signed: null },
  evaluations: [],
  to_sign: [],
  volumes: [],
  opinion: null,
};

const refusal = (status, error) => new ApiError(status, { error });
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A server that answers saves with what the script says, and notes what it was sent. */
async function openPanel(script) {
  const sent = [];
  const api = {
    panel: async () => structuredClone({ ...PANEL, ...(api.next ?? {}) }),
    save: async (answers, version) => {
      sent.push({ answers: structuredClone(answers), version });
      const reply = script.shift();
      if (reply instanceof Error) {
        throw reply;
      }
      return { version: version + 1, saved_at: "2026-11-21T08:00:00Z", evaluations: [], to_sign: [], ...reply };
    },
  };
  const pending = [];
  const after = (action) => {
    pending.push(action);
    return () => pending.splice(pending.indexOf(action), 1);
  };
  const store = new PanelStore(api, { after });
  await store.load();
  const run = async () => {
    while (pending.length > 0) {
      pending.shift()();
      await settled();
    }
  };
  return { store, api, sent, run };
}

test("the whole document is sent with the version it was read at", async () => {
  const { store, sent, run } = await openPanel([{}, {}]);
  store.edit("/vessels/inside/contact_deg", 90);
  await run();
  assert.deepEqual(sent[0], {
    answers: { grade: 1, vessels: { inside: { contact_deg: 90, kind: "solid", extent: [] } } },
    version: 3,
  });
  store.edit("/grade", 2);
  await run();
  assert.equal(sent[1].version, 4);
});

test("a refused field stays in sight with its message and the rest is saved without it", async () => {
  const problem = { pointer: "/vessels/inside/contact_deg", message: "0 to 360" };
  const { store, sent, run } = await openPanel([refusal(422, { code: "x", problems: [problem] }), {}, {}]);
  store.edit("/vessels/inside/contact_deg", 900);
  store.edit("/grade", 2);
  await run();
  assert.equal(store.state.answers.vessels.inside.contact_deg, 900);
  assert.equal(problemAt(store.state, problem.pointer), "0 to 360");
  assert.equal(sent[1].answers.grade, 2);
  assert.equal("contact_deg" in sent[1].answers.vessels.inside, false);
  store.edit(problem.pointer, 90);
  await run();
  assert.equal(problemAt(store.state, problem.pointer), null);
  assert.equal(sent[2].answers.vessels.inside.contact_deg, 90);
});

test("a refusal that names no field is not sent again and again", async () => {
  const nothing = refusal(422, { code: "x", message: "No.", problems: [{ pointer: "", message: "No." }] });
  const { store, sent, run } = await openPanel([nothing]);
  store.edit("/grade", 2);
  await run();
  assert.equal(sent.length, 1);
  assert.equal(store.queue.phase, "held");
  assert.equal(store.queue.unsaved, true);
});

test("text that cannot be read is kept at its field and never sent", async () => {
  const { store, sent, run } = await openPanel([{}]);
  store.edit("/flr_ml", 4);
  store.reportUnreadable("/flr_ml", "4 mL", "A number alone belongs here.");
  await run();
  assert.equal("flr_ml" in sent[0].answers, false);
  assert.equal(problemAt(store.state, "/flr_ml"), "A number alone belongs here.");
  assert.equal(store.state.unreadable.get("/flr_ml").text, "4 mL");
});

test("a version saved elsewhere stops saving and loses nothing of mine", async () => {
  const current = { answers: { grade: 3, verdict: "later" }, version: 9 };
  const { store, sent, run } = await openPanel([
    refusal(409, { code: "annotation_changed_elsewhere", current }),
    {},
  ]);
  store.edit("/advice/text", "mine");
  await run();
  assert.deepEqual(store.state.conflict.mine, [{ pointer: "/advice/text", from: undefined, to: "mine" }]);
  store.saving.resolveConflict({ keepMine: true });
  await run();
  await settled();
  assert.deepEqual(sent[1], {
    answers: { grade: 3, verdict: "later", advice: { text: "mine" } },
    version: 9,
  });
  assert.equal(store.state.conflict, null);
});

test("a value changed here and there is shown both ways, one changed only here is not", async () => {
  const current = { answers: { grade: 3 }, version: 9 };
  const { store, run } = await openPanel([
    refusal(409, { code: "annotation_changed_elsewhere", current }),
  ]);
  store.edit("/grade", 2);
  store.edit("/advice/text", "mine");
  await run();
  const { conflict, model } = store.state;
  const clashes = conflict.mine.map((change) => clashWords(model, change, conflict.current.answers));
  assert.deepEqual(
    conflict.mine.map((change) => change.pointer),
    ["/advice/text", "/grade"],
  );
  assert.deepEqual(clashes, ["", "the other version says 3"]);
});

test("the other version can be taken as it is", async () => {
  const current = { answers: { grade: 3 }, version: 9 };
  const { store, api, sent, run } = await openPanel([
    refusal(409, { code: "annotation_changed_elsewhere", current }),
  ]);
  store.edit("/advice/text", "mine");
  await run();
  api.next = { annotation: { ...current, saved_at: null, signed: null } };
  store.saving.resolveConflict({ keepMine: false });
  await run();
  await settled();
  assert.equal(sent.length, 1);
  assert.deepEqual(store.state.answers, { grade: 3 });
  assert.equal(store.queue.unsaved, false);
});

test("what was entered after another window signed is shown, because it cannot be saved", async () => {
  const { store, api, run } = await openPanel([refusal(409, { code: "signed_revision_is_final" })]);
  const signed = { at: "2026-11-21T08:00:00Z", by: "A", verdict: "later" };
  store.edit("/advice/text", "late");
  api.next = { annotation: { answers: { grade: 1 }, version: 4, saved_at: null, signed } };
  await run();
  await settled();
  assert.equal(store.mayWrite, false);
  assert.deepEqual(store.state.answers, { grade: 1 });
  assert.deepEqual(store.state.unsent.map((change) => change.to), ["late"]);
});

test("an access that has ended is not hammered, and what is unsaved stays", async () => {
  const { store, sent, run } = await openPanel([refusal(403, { code: "grant_revoked" }), {}]);
  store.edit("/grade", 2);
  await run();
  assert.equal(sent.length, 1);
  assert.equal(store.state.answers.grade, 2);
  assert.equal(store.queue.unsaved, true);
  store.tryAgain();
  await run();
  await settled();
  assert.equal(sent[1].answers.grade, 2);
});

test("a quick answer can be undone", async () => {
  const { store, run } = await openPanel([{}, {}]);
  store.replace("/vessels/inside", { contact_deg: 0, kind: "clear" }, "Clear");
  assert.equal(store.state.undo.label, "Clear");
  store.undo();
  assert.deepEqual(store.state.answers, { grade: 1 });
  await run();
});

test("somebody who may only look can neither write nor sign", async () => {
  const { store, api } = await openPanel([]);
  api.next = { me: { name: "B", may: ["view"] } };
  await store.load();
  assert.equal(store.mayWrite, false);
  assert.equal(store.maySign, false);
});
