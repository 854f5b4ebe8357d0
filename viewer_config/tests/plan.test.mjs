import assert from "node:assert/strict";
import { test } from "node:test";

import { inWords, isClosed, livers, Plan, underWay, usualLiver } from "../volumetry/plan.js";

const probe = (uid, at) => ({ uid, toolName: "Probe", points: [Float32Array.from(at)] });

test("a plane asks for three points and one that remains, one after the other", () => {
  const plan = new Plan();
  plan.expect("point 0");
  assert.equal(plan.take(probe("a", [1, 2, 3])), true);
  assert.equal(plan.expected, "point 1");
  plan.take(probe("b", [4, 5, 6]));
  plan.take(probe("c", [7, 8, 10]));
  assert.equal(plan.expected, "remains");
  assert.equal(plan.missing(), "Set a point in the part that remains.");
  plan.take(probe("d", [0, 0, 9]));
  assert.equal(plan.expected, null);
  assert.equal(plan.missing(), "");
  assert.deepEqual(plan.toJson(), {
    kind: "plane",
    points_mm: [[1, 2, 3], [4, 5, 6], [7, 8, 10]],
    remains_mm: [0, 0, 9],
  });
});

test("what is not expected, or made with another tool, is left alone", () => {
  const plan = new Plan();
  assert.equal(plan.take(probe("a", [1, 2, 3])), false);
  plan.expect("point 1");
  assert.equal(plan.take({ uid: "b", toolName: "Length", points: [[1, 2, 3], [4, 5, 6]] }), false);
  assert.equal(plan.expected, "point 1");
});

test("a point that is dragged is moved, one that is deleted is missing again", () => {
  const plan = new Plan();
  plan.expect("point 0");
  plan.take(probe("a", [1, 2, 3]));
  assert.equal(plan.moved(probe("a", [9, 9, 9])), true);
  assert.deepEqual(plan.points[0].at, [9, 9, 9]);
  assert.equal(plan.moved(probe("z", [0, 0, 0])), false);
  plan.set("point 1", [1, 1, 1]);
  plan.gone(["a"]);
  assert.deepEqual(plan.points.map((one) => one?.at), [undefined, [1, 1, 1], undefined]);
});

test("a surface takes lines of both tools, and says so of one that was closed", () => {
  const plan = new Plan();
  plan.kind = "surface";
  assert.equal(plan.missing(), "Draw a line across the liver on one or more slices.");
  plan.expect("line");
  plan.take({ uid: "l", toolName: "Length", points: [[0, 0, 5], [100, 0, 5]] });
  plan.expect("line");
  plan.take({
    uid: "f",
    toolName: "PlanarFreehandROI",
    points: [[0, 0, 9], [50, 50, 9], [100, 0, 9], [1, 1, 9]],
  });
  plan.set("remains", [0, 50, 5]);
  assert.match(plan.missing(), /^Line 2 runs back/);
  plan.gone(["f"]);
  assert.equal(plan.missing(), "");
  assert.deepEqual(plan.toJson().lines_mm, [[[0, 0, 5], [100, 0, 5]]]);
});

test("Couinaud segments are chosen and need no point", () => {
  const plan = new Plan();
  plan.kind = "segments";
  assert.match(plan.missing(), /Choose/);
  plan.toggle("II");
  plan.toggle("III");
  plan.toggle("II");
  assert.deepEqual(plan.toJson(), { kind: "segments", remove: ["III"] });
});

test("only measured livers can be cut, and tasks under way say how far they are", () => {
  const volumes = [
    { id: "a", state: "measured", liver_ml: 1500 },
    { id: "b", state: "measured", liver_ml: null },
    { id: "d", state: "measured", liver_ml: 1500, outlined: true },
    { id: "c", state: "measuring", label: "Cut", progress: { doing: "Cutting", percent: 35 } },
  ];
  assert.deepEqual(livers(volumes).map(({ id }) => id), ["a"]);
  assert.deepEqual(underWay(volumes), [{ id: "c", label: "Cut", doing: "Cutting", percent: 35 }]);
});

test("a new cut begins with the liver that was drawn, not with the last cut's result", () => {
  const drawn = { id: "a", state: "measured", liver_ml: 1500 };
  const cut = { ...drawn, id: "b", made: { by: "resection" } };
  assert.equal(usualLiver([cut, drawn]).id, "a");
  assert.equal(usualLiver([cut]).id, "b");
  assert.equal(usualLiver([]), undefined);
});

test("points are read out in whole millimetres, and a closed line is told from an open one", () => {
  assert.equal(inWords([1.4, -2.6, 0.1]), "1, -3, 0");
  assert.equal(isClosed([[0, 0, 0], [10, 0, 0], [0, 0.1, 0]]), true);
  assert.equal(isClosed([[0, 0, 0], [10, 0, 0]]), false);
});
