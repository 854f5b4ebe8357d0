import assert from "node:assert/strict";
import { test } from "node:test";
import { angleForKey, angleFrom, pointOn, stateOf } from "../panel/angles.js";

const MARKS = [90, 180, 270];
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test("zero stands at twelve and the angle runs clockwise", () => {
  near(pointOn(50, 40, 0).y, 10);
  near(pointOn(50, 40, 90).x, 90);
  near(pointOn(50, 40, 180).y, 90);
});

test("a pointer is read in steps and drawn to the marks", () => {
  assert.equal(angleFrom(10, 0, 100, 5, MARKS), 90);
  assert.equal(angleFrom(10, 0.5, 100, 5, MARKS), 90);
  assert.equal(angleFrom(10, -10, 50, 5, MARKS), 45);
  assert.equal(angleFrom(-10, 0, 260, 5, MARKS), 270);
});

test("dragging over twelve ends at a full or an empty ring instead of jumping", () => {
  assert.equal(angleFrom(1, -10, 350, 5, MARKS), 360);
  assert.equal(angleFrom(-1, -10, 10, 5, MARKS), 0);
});

test("keys move in steps and stay between none and all", () => {
  assert.equal(angleForKey("ArrowRight", 90, 5), 95);
  assert.equal(angleForKey("ArrowDown", 3, 5), 0);
  assert.equal(angleForKey("PageUp", 350, 5), 360);
  assert.equal(angleForKey("Home", 200, 5), 0);
  assert.equal(angleForKey("End", 200, 5), 360);
  assert.equal(angleForKey("a", 200, 5), null);
});

test("not answered, said in words, none, touched and impossible are five different things", () => {
  const states = [undefined, "not_assessed", 0, 120, 900].map(stateOf);
  assert.deepEqual(states, ["unanswered", "said", "none", "touched", "impossible"]);
});
