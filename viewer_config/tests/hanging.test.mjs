import assert from "node:assert/strict";
import { test } from "node:test";
import { bestOf, phaseOf, shownFirst, worthOf } from "../hanging/phases.js";
import { stageFor } from "../hanging/compare.js";
import { PHASES_STAGES, PRIOR_STAGES, opening, placesOf, reformation } from "../hanging/protocols.js";

const SAID = {
  native: ["Abdomen native", "Abd nativ 5.0", "LEBER OHNE KM", "Foie sans injection", "Simple sin contraste",
    "Addome senza mdc", "Abdome sem contraste", "Non-contrast 3mm", "w/o C noncon"],
  arterial: ["Abdomen arterial 35 s", "art. Phase 1.0 B30f", "Leber arteriell", "Artériel 1,25", "fase arteriosa",
    "Pankreasphase", "late arterial liver", "ABD 40s"],
  portal_venous: ["Abdomen portal venous 70 s", "portalvenös 1.0", "PV 1mm", "Veineux portal", "fase venosa",
    "Fase portale", "Ven. 3.0", "Abd/Pel 70 sec", "Portaalveneus"],
  delayed: ["Delayed 180 s", "Spätphase 5 min", "tardif", "fase tardía", "Equilíbrio", "Abd 180s"],
};

test("phases are read from descriptions in seven languages", () => {
  for (const [phase, descriptions] of Object.entries(SAID)) {
    for (const description of descriptions) {
      assert.equal(phaseOf(description), phase, description);
    }
  }
});

test("a description that says nothing known has no phase", () => {
  for (const description of ["", undefined, "Abdomen 1.0 B30f", "Series 4", "Thorax 5.0 mm", "T2 haste"]) {
    assert.equal(phaseOf(description), null, String(description));
  }
});

const series = (description, more = {}) => ({
  ...{ description, modality: "CT", instances: 300, thickness_mm: 3 },
  ...more,
});
const same = (one) => one;

test("the first picture is the thin portal venous series", () => {
  const thin = series("portal venous", { thickness_mm: 1 });
  const all = [
    series("Topogram", { instances: 2 }),
    series("native"),
    series("arterial", { thickness_mm: 0.6 }),
    series("portal venous"),
    thin,
    series("portal venous MIP cor", { thickness_mm: 0.8 }),
  ];
  assert.equal(bestOf(all, same), thin);
});

test("a scout, a dose report and a bolus series are never the first picture", () => {
  for (const description of ["Scout", "Dose Report", "Premonitoring", "Topogram 0.6"]) {
    assert.equal(worthOf(series(description)), 0, description);
  }
  assert.equal(worthOf(series("x", { modality: "SR" })), 0);
  assert.equal(bestOf([series("Scout")], same), null);
});

test("phases stand side by side where there is room for them, else one series alone", () => {
  const [n, a, p, d] = ["native", "arterial", "portal", "delayed"].map((name) => series(name));
  assert.deepEqual(shownFirst([n, a, p, d], same, true), [a, p, d]);
  assert.deepEqual(shownFirst([n, a, p, d], same, false), [p]);
  assert.deepEqual(shownFirst([n, a, p], same, true), [a, p]);
  assert.deepEqual(shownFirst([n, p], same, true), [p]);
  assert.deepEqual(shownFirst([], same, true), []);
});

const displaySet = (SeriesDescription, StudyDate) => ({
  ...{ SeriesDescription, StudyDate, Modality: "CT", numImageFrames: 100 },
  displaySetInstanceUID: `${SeriesDescription} ${StudyDate}`,
});

test("the prior is the study before the latest, and phases are those of the latest", () => {
  const old = displaySet("portal venous", "20260101");
  const now = displaySet("portal venous", "20260601");
  const places = placesOf([old, now, displaySet("arterial", "20260601")]);
  assert.equal(places.prior, old);
  assert.equal(places.portal_venous, now);
  assert.equal(places.best, now);
  assert.equal(places.delayed, null);
  assert.equal(placesOf([now]).prior, null);
});

test("the prior of a CT is the CT before it, not the MRI between; of any kind where there is none", () => {
  const now = displaySet("portal venous", "20260601");
  const old = displaySet("portal venous", "20260101");
  const other = { ...displaySet("portal venous MR", "20260301"), Modality: "MR" };
  assert.equal(placesOf([old, other, now]).prior, old);
  assert.equal(placesOf([other, now]).prior, other);
});

test("what is fetched early is what the protocol hangs first", () => {
  for (const width of [1280, 1920]) {
    const places = opening(width).stages[0].viewports.map((one) => one.displaySets[0].id);
    const all = ["native", "arterial", "portal_venous", "delayed"].map((name) =>
      series(name.replace("_", " ")),
    );
    const early = shownFirst(all, same, width >= 1700).map((one) => phaseOf(one.description));
    assert.deepEqual(places, width === 1280 ? ["best"] : early);
    assert.deepEqual(early.length, places.length);
  }
});

test("phases scroll together, and only studies of one frame of reference are tied by position", () => {
  const [phases, , prior] = opening(1920).stages;
  const types = (stage) =>
    stage.viewports.flatMap((one) => one.viewportOptions.syncGroups.map((group) => group.type));
  assert.ok(types(phases).includes("imageSlice"));
  assert.ok(!types(prior).includes("imageSlice"));
});

test("a reformation has no order of loading of its own", () => {
  assert.equal("imageLoadStrategy" in reformation(), false);
  assert.equal(reformation().id, "mpr");
});

test("what the server found of a phase goes before what a description says", () => {
  const [lying, plain] = [series("arterial", { phase: "portal_venous" }), series("arterial")];
  assert.equal(bestOf([plain, lying], same), lying);
  const told = (uid) => ({ SeriesInstanceUID: uid, SeriesDescription: "Abdomen", numImageFrames: 9 });
  globalThis.marginEarly = { phases: { a: "arterial", b: "portal_venous" } };
  const places = placesOf([told("b"), told("a")]);
  delete globalThis.marginEarly;
  assert.equal(places.arterial.SeriesInstanceUID, "a");
  assert.equal(places.portal_venous.SeriesInstanceUID, "b");
});

test("what is set beside each other needs its series", () => {
  const places = { best: 1, arterial: 1, portal_venous: 1, delayed: 1, native: null, prior: null };
  assert.equal(stageFor(PHASES_STAGES, places), "phases");
  assert.equal(stageFor(PHASES_STAGES, { ...places, delayed: null }), "twoPhases");
  assert.equal(stageFor(PHASES_STAGES, { ...places, arterial: null }), null);
  assert.equal(stageFor(PRIOR_STAGES, places), null);
  assert.equal(stageFor(PRIOR_STAGES, { ...places, prior: 1 }), "prior");
});
