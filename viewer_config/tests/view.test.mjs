import assert from "node:assert/strict";
import { test } from "node:test";
import { heightToShow, showView, viewIn, viewOf } from "../panel/view.js";

const CANVAS = { width: 600, height: 400 };

/** Half a millimetre for each pixel, with the patient's left at the top of the screen. */
const worldAt = ([x, y]) => [0.5 * y - 100, 0.5 * x - 120, -1092.04];

test("a view is what stands in the middle and how much around it, in mm of the patient", () => {
  const turned = { rotation: 0, flipHorizontal: false, flipVertical: false };
  assert.deepEqual(viewOf({ ...CANVAS, worldAt, turned, inverted: false }), {
    middle_mm: [0, 30, -1092],
    width_mm: 300,
    height_mm: 200,
  });
});

test("a view says how it is turned where it is, and a full turn is none", () => {
  const turned = { rotation: 359.98, flipHorizontal: true, flipVertical: true };
  const { middle_mm, width_mm, height_mm, ...rest } = viewOf({ ...CANVAS, worldAt, turned, inverted: true });
  assert.deepEqual(rest, { flipped_horizontally: true, flipped_vertically: true, inverted: true });
  const quarter = viewOf({ ...CANVAS, worldAt, turned: { rotation: 90.04 } });
  assert.equal(quarter.rotation_deg, 90);
});

test("in a window of another shape all of a view is seen", () => {
  const view = { width_mm: 300, height_mm: 200 };
  assert.equal(heightToShow(view, { width: 600, height: 400 }), 200);
  assert.equal(heightToShow(view, { width: 1200, height: 400 }), 200);
  assert.equal(heightToShow(view, { width: 400, height: 400 }), 300);
});

/** A viewport as far as a view is concerned: half its height in mm, and what lies in its middle. */
function viewport({ width, height }) {
  const state = { scale: 200, middle: [0, 0], pan: [0, 0], mirrored: false, rotation: 0, invert: false };
  const mmEach = () => (2 * state.scale) / height;
  return {
    state,
    canvas: { clientWidth: width, clientHeight: height },
    canvasToWorld: ([x, y]) => [
      state.middle[0] + (x - width / 2) * mmEach(),
      state.middle[1] + (y - height / 2) * mmEach(),
      5,
    ],
    worldToCanvas: ([x, y]) => [
      width / 2 + (x - state.middle[0]) / mmEach(),
      height / 2 + (y - state.middle[1]) / mmEach(),
    ],
    getPan: () => state.pan,
    setPan([x, y]) {
      const by = [x - state.pan[0], y - state.pan[1]];
      state.middle = state.middle.map((at, axis) => at - by[axis] * mmEach());
      state.pan = [x, y];
    },
    setCamera({ parallelScale, flipHorizontal }) {
      state.scale = parallelScale ?? state.scale;
      state.mirrored = flipHorizontal ?? state.mirrored;
    },
    setRotation: (degrees) => Object.assign(state, { rotation: degrees }),
    setProperties: (changed) => Object.assign(state, changed),
    getProperties: () => ({ invert: state.invert }),
    getViewPresentation: () => ({ rotation: state.rotation, flipHorizontal: state.mirrored }),
  };
}

test("a view is shown again as it was, also after a mirrored one, and in a larger window", () => {
  const small = viewport({ width: 600, height: 400 });
  showView(small, { middle_mm: [12, -30, 5], width_mm: 120, height_mm: 80 });
  const kept = viewIn(small);
  assert.deepEqual(kept, { middle_mm: [12, -30, 5], width_mm: 120, height_mm: 80 });
  showView(small, { ...kept, middle_mm: [0, 0, 5], flipped_horizontally: true, inverted: true, rotation_deg: 90 });
  assert.equal(viewIn(small).flipped_horizontally, true);
  showView(small, kept);
  assert.deepEqual(viewIn(small), kept);
  const large = viewport({ width: 1200, height: 900 });
  showView(large, kept);
  assert.deepEqual(viewIn(large), { ...kept, height_mm: 90 });
});

test("a viewport that has no size yet has no view", () => {
  assert.equal(viewIn(viewport({ width: 0, height: 0 })), null);
});
