import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf } from "../panel/angles.js";
import { changesBetween, withChanges, withGroupAnswered } from "../panel/answers.js";
import {
  differs,
  drawnFor,
  evidenceAt,
  evidenceWords,
  figureOf,
  keyImage,
  measured,
  movedTo,
  offersTo,
  ofSegment,
  subjectOf,
  whyUnsupported,
  withEvidence,
  withEvidencePruned,
  withoutSupport,
} from "../panel/evidence.js";
import { modelOf } from "../panel/model.js";
import { Viewer } from "../panel/viewer.js";
import { FORM } from "./small_form.mjs";

const SMA = "/vessels/inside/contact_deg";
const IMAGE = { StudyInstanceUID: "1.2", SeriesInstanceUID: "1.3", SOPInstanceUID: "1.4" };
const SHOWN = { image: IMAGE, series: "series 4 portal venous", image_number: 34 };
const ANGLE = {
  uid: "m-1",
  toolName: "Angle",
  label: "",
  points: [[0, 0, 1.04], [1, 0, 0], [2, 2, 2]],
  data: { "imageId:x": { angle: 117.96, unit: "°" } },
};
const contact = modelOf(FORM).at.get(SMA);
const entry = measured(ANGLE, figureOf(ANGLE), SHOWN);
const bound = withEvidence({ vessels: { inside: { contact_deg: 118 } } }, SMA, entry);

test("an angle, a length and two diameters have a figure, and other tools have none", () => {
  const stats = (found) => ({ "imageId:x": found });
  assert.deepEqual(figureOf(ANGLE), { kind: "angle", value: 118, unit: "deg" });
  assert.equal(figureOf({ toolName: "Length", data: stats({ length: 12.34 }) }).value, 12.3);
  const diameters = { toolName: "Bidirectional", data: stats({ length: 30, width: 20 }) };
  assert.deepEqual(figureOf(diameters), { kind: "bidirectional", value: 30, unit: "mm" });
  assert.equal(figureOf({ toolName: "ArrowAnnotate", data: stats({}) }), null);
  assert.equal(figureOf({ toolName: "Angle", data: {} }), null);
  assert.equal(figureOf(null), null);
});

test("an angle is offered in whole degrees and the other way round, and only to degrees", () => {
  assert.deepEqual(offersTo(contact, figureOf(ANGLE)), [118, 242]);
  assert.deepEqual(offersTo(contact, { value: 180, unit: "deg" }), [180]);
  assert.deepEqual(offersTo({ unitText: "mm" }, figureOf(ANGLE)), []);
  assert.deepEqual(offersTo({ unitText: "mm" }, { value: 12.34, unit: "mm" }), [12.3]);
});

test("an angle drawn for a contact fills in the smaller way round; a length or no image does not", () => {
  const found = drawnFor(contact, ANGLE, SHOWN);
  assert.deepEqual(found, { value: 118, entry });
  assert.equal(drawnFor(contact, { ...ANGLE, toolName: "Length" }, SHOWN), null);
  assert.equal(drawnFor(contact, ANGLE, null), null);
});

test("all UIDs of an entry stand in its image", () => {
  const segment = ofSegment({ number: 2, label: "FLR", series: "1.9" }, SHOWN);
  for (const one of [entry, keyImage(SHOWN), segment]) {
    const { image, measurement, ...rest } = one;
    assert.equal(image.SOPInstanceUID, "1.4");
    assert.doesNotMatch(JSON.stringify(rest), /UID/);
  }
  assert.equal(segment.image.SegmentationSeriesInstanceUID, "1.9");
});

test("an entry says what it was seen on", () => {
  assert.equal(evidenceWords(entry), "angle 118°, series 4 portal venous, image 34");
  assert.equal(evidenceWords(keyImage(SHOWN)), "series 4 portal venous, image 34");
  assert.equal(evidenceWords(ofSegment({ number: 2 }, { image: IMAGE })), "segment 2");
});

test("a deleted measurement leaves the value and takes its support", () => {
  const after = withoutSupport(bound, ["m-1"]);
  assert.equal(after.vessels.inside.contact_deg, 118);
  assert.equal(evidenceAt(after, SMA).state, "unsupported");
  assert.equal(evidenceAt(bound, SMA).state, "supported");
  assert.equal(withoutSupport(bound, ["m-2"]), bound);
  assert.equal(whyUnsupported(evidenceAt(after, SMA)), "the measurement was deleted");
});

test("a study taken out of the case is told apart from a deleted measurement", () => {
  const detached = { ...entry, state: "unsupported", because: "study_detached" };
  assert.equal(whyUnsupported(detached), "its study belongs to this case no more");
});

test("evidence goes with its value, and only then", () => {
  assert.equal(evidenceAt(withEvidencePruned(bound), SMA), entry);
  const cleared = withEvidencePruned({ ...bound, vessels: undefined });
  assert.equal("evidence" in cleared, false);
});

test("a number typed over a measured one is told apart from it", () => {
  assert.deepEqual([118, 242, 90].map((value) => differs(entry, contact, value)), [false, false, true]);
  assert.equal(differs(keyImage(SHOWN), contact, 90), false);
});

test("a measurement that was moved after it was bound is told with its new figure", () => {
  assert.equal(movedTo(entry, ANGLE), null);
  assert.equal(movedTo(entry, null), null);
  const moved = { ...ANGLE, data: { image: { angle: 131.5 } } };
  assert.equal(movedTo(entry, moved), "angle 131.5°");
});

test("a conflict carries an entry as one change", () => {
  const plain = { vessels: bound.vessels };
  const changes = changesBetween(plain, bound);
  assert.equal(changes.length, 1);
  assert.equal(subjectOf(changes[0].pointer), SMA);
  assert.equal(subjectOf(SMA), null);
  assert.deepEqual(withChanges(plain, changes), bound);
});

const KEYS = new Map([["n", 0], ["a", "not_assessed"]]);
for (const [event, meaning] of [
  [{ key: "n" }, { value: 0 }],
  [{ key: "A" }, { value: "not_assessed" }],
  [{ key: "7" }, { digit: "7" }],
  [{ key: "Enter" }, { move: 1 }],
  [{ key: "Enter", shiftKey: true }, { move: -1 }],
  [{ key: "n", ctrlKey: true }, null],
  [{ key: "q" }, null],
]) {
  test(`${JSON.stringify(event)} on a vessel means ${JSON.stringify(meaning)}`, () => {
    assert.deepEqual(meaningOf(event, KEYS), meaning);
  });
}

test("the form's letters stand for values, not for words about them", () => {
  const form = structuredClone(FORM);
  const field = form.properties.vessels.properties.inside.properties.contact_deg;
  field["x-margin"] = { ...field["x-margin"], keys: { 0: "n", not_visible: "v" } };
  const keys = modelOf(form).at.get(SMA).keys;
  assert.deepEqual([...keys], [["n", 0], ["v", "not_visible"]]);
});

test("the rest of a group is answered where it takes the value, and nowhere else", () => {
  const choice = (values) => ({ enum: values, "x-margin": { label: "x", widget: "choice" } });
  const model = modelOf({
    "x-margin": { sections: [] },
    properties: {
      organs: {
        properties: { a: choice(["clear", "invaded"]), b: choice(["clear"]), c: choice(["other"]) },
        "x-margin": { widget: "group" },
      },
    },
  });
  const after = withGroupAnswered({ organs: { a: "invaded" } }, model.at.get("/organs"), "clear");
  assert.deepEqual(after, { organs: { a: "invaded", b: "clear" } });
});

test("without a viewer beside it the panel offers nothing and does not fail", () => {
  const viewer = new Viewer(undefined, undefined);
  assert.equal(viewer.isThere, false);
  assert.equal(viewer.measurement(), null);
  assert.equal(viewer.shown(), null);
});
