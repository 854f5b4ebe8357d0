import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changesBetween,
  numberFrom,
  valueAt,
  withChanges,
  withFieldEdited,
  withRestAnswered,
  withTypedSource,
  withValue,
  withVolume,
  without,
} from "../panel/answers.js";
import { modelOf } from "../panel/model.js";
import { FORM } from "./small_form.mjs";

const model = modelOf(FORM);
const vessel = model.at.get("/vessels/inside");

test("setting a value leaves the document it started from alone", () => {
  const before = { vessels: { inside: { contact_deg: 10 } } };
  const after = withValue(before, "/vessels/outside/contact_deg", 20);
  assert.deepEqual(before, { vessels: { inside: { contact_deg: 10 } } });
  assert.equal(valueAt(after, "/vessels/outside/contact_deg"), 20);
  assert.equal(valueAt(after, "/vessels/inside/contact_deg"), 10);
});

test("taking out the last answer of a group leaves no empty group behind", () => {
  assert.deepEqual(withValue({ advice: { text: "x" }, grade: 1 }, "/advice/text", undefined), { grade: 1 });
});

test("a default is written visibly once its condition first holds", () => {
  const assessed = withFieldEdited(vessel, undefined, "contact_deg", 0);
  assert.deepEqual(assessed, { contact_deg: 0, kind: "clear" });
  const touched = withFieldEdited(vessel, undefined, "contact_deg", 90);
  assert.deepEqual(touched, { contact_deg: 90, kind: "solid", extent: [] });
});

test("a default nobody changed follows the contact it was judged on", () => {
  const clear = withFieldEdited(vessel, undefined, "contact_deg", 0);
  assert.equal(withFieldEdited(vessel, clear, "contact_deg", 45).kind, "solid");
});

test("a default that was changed by hand stays as it was put", () => {
  const byHand = { contact_deg: 90, kind: "clear", extent: ["a"] };
  const moved = withFieldEdited(vessel, byHand, "contact_deg", 95);
  assert.deepEqual(moved, { contact_deg: 95, kind: "clear", extent: ["a"] });
});

test("what depends on an angle is left out when there is no angle", () => {
  const touched = { contact_deg: 90, kind: "solid", extent: ["a"], note: "stent" };
  const said = withFieldEdited(vessel, touched, "contact_deg", "not_assessed");
  assert.deepEqual(said, { contact_deg: "not_assessed", note: "stent" });
});

test("no default is ever written for a vessel that was not assessed", () => {
  assert.deepEqual(withFieldEdited(vessel, undefined, "contact_deg", "not_visible"), { contact_deg: "not_visible" });
});

test("a hidden field that came with the answers is kept", () => {
  const edited = withFieldEdited(vessel, { legacy: true }, "contact_deg", "not_assessed");
  assert.equal(edited.legacy, true);
});

test("answering the rest never touches a vessel that has an answer", () => {
  const answers = { vessels: { inside: { contact_deg: 120, kind: "solid" } } };
  const rest = withRestAnswered(answers, model.vessels, { contact_deg: "not_assessed" });
  assert.deepEqual(rest.vessels.inside, { contact_deg: 120, kind: "solid" });
  assert.deepEqual(rest.vessels.outside, { contact_deg: "not_assessed" });
});

test("answering the rest keeps what is already said of a vessel without contact", () => {
  const rest = withRestAnswered({ vessels: { inside: { note: "stent" } } }, model.vessels, { contact_deg: 0 });
  assert.deepEqual(rest.vessels.inside, { note: "stent", contact_deg: 0 });
});

test("refused fields are left out of what is sent and nothing else is", () => {
  const answers = { grade: 2, vessels: { inside: { contact_deg: 900, note: "x" } } };
  assert.deepEqual(without(answers, ["/vessels/inside/contact_deg"]), {
    grade: 2,
    vessels: { inside: { note: "x" } },
  });
  assert.deepEqual(without(answers, ["", "/not/there"]), answers);
});

test("one click fills every volume field and names the measurement", () => {
  const filled = withVolume({ grade: 1 }, model.fillable, { id: "m1", flr_ml: 420.2 });
  assert.deepEqual(filled, { grade: 1, flr_ml: 420.2, flr_source: "m1" });
});

test("a measurement without a volume leaves that field unanswered", () => {
  const filled = withVolume({ flr_ml: 300 }, model.fillable, { id: "m1", flr_ml: null });
  assert.deepEqual(filled, { flr_source: "m1" });
});

test("a filled volume typed over is marked as typed", () => {
  const typed = withTypedSource({ flr_ml: 500, flr_source: "m1" }, model.fillable, "/flr_ml");
  assert.equal(typed.flr_source, "typed");
  const other = withTypedSource({ grade: 1, flr_source: "m1" }, model.fillable, "/grade");
  assert.equal(other.flr_source, "m1");
});

test("my changes on one version can be put on top of another", () => {
  const base = { grade: 1, advice: { text: "old" } };
  const mine = { grade: 2, vessels: { inside: { contact_deg: 90 } } };
  const theirs = { grade: 1, advice: { text: "theirs" }, verdict: "later" };
  const merged = withChanges(theirs, changesBetween(base, mine));
  assert.deepEqual(merged, { grade: 2, verdict: "later", vessels: { inside: { contact_deg: 90 } } });
});

test("a list counts as one value when versions are compared", () => {
  const changes = changesBetween({ a: ["x"] }, { a: ["x", "y"] });
  assert.deepEqual(changes, [{ pointer: "/a", from: ["x"], to: ["x", "y"] }]);
});

for (const [text, value] of [
  ["90", 90],
  [" 12.5 ", 12.5],
  ["12,5", 12.5],
  ["-3", -3],
  ["900", 900],
  ["12.", 12],
  ["", undefined],
]) {
  test(`"${text}" is read as ${value}`, () => assert.deepEqual(numberFrom(text, "mm"), { value }));
}

for (const text of ["45 mm", "abc", "1,234", "1e3", "0x10", "-", "1 234"]) {
  test(`"${text}" is not guessed at`, () => {
    const read = numberFrom(text, "mm");
    assert.equal("value" in read, false);
    assert.ok(read.problem.length > 10);
  });
}
