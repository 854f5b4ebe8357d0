import assert from "node:assert/strict";
import { test } from "node:test";

import { offerFor } from "../panel/offer.js";

const recorded = {
  bilirubin_umol_l: { value: 14, taken_on: "2026-11-16", reported: "14 µmol/L" },
  ecog: { value: 1, taken_on: "2026-11-16", reported: "1 grade" },
};
const bilirubin = {
  name: "bilirubin_umol_l",
  pointer: "/bilirubin_umol_l",
  kind: "number",
  unitText: "µmol/L",
  allOptions: [],
};
const ecog = {
  name: "ecog",
  pointer: "/ecog",
  kind: "choice",
  unitText: "",
  allOptions: [0, 1, 2].map((value) => ({ value, label: `ECOG ${value}` })),
};

test("a recorded value is offered with its unit and its date", () => {
  assert.deepEqual(offerFor(bilirubin, recorded, undefined), {
    value: 14,
    words: "use recorded 14 µmol/L (2026-11-16)",
  });
});

test("what stands in the field already is not offered, another value is", () => {
  assert.equal(offerFor(bilirubin, recorded, 14), null);
  assert.equal(offerFor(bilirubin, recorded, 20).value, 14);
});

test("a choice is offered as one of its own options", () => {
  assert.deepEqual(offerFor(ecog, recorded, undefined), {
    value: 1,
    words: "use recorded ECOG 1 (2026-11-16)",
  });
  const without = { ...ecog, allOptions: [{ value: 0, label: "0" }] };
  assert.equal(offerFor(without, recorded, undefined), null);
});

test("a field of a group, or one with nothing recorded, is offered nothing", () => {
  assert.equal(offerFor({ ...bilirubin, pointer: "/vein/bilirubin_umol_l" }, recorded), null);
  assert.equal(offerFor({ ...bilirubin, name: "inr", pointer: "/inr" }, recorded), null);
  assert.equal(offerFor(bilirubin, undefined, undefined), null);
});
