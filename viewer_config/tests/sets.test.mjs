import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf } from "../panel/model.js";
import { apartFrom, kindOf, marksOf, scoreWords } from "../panel/sets.js";

const score = (value, least = value, most = value) => ({ name: "S", unit: "points", value, least, most });

test("a set is decided, open or silent", () => {
  assert.equal(kindOf({ category_label: "A", interval_label: null }), "decided");
  assert.equal(kindOf({ category_label: null, interval_label: "A to b" }), "open");
  assert.equal(kindOf({ category_label: null, interval_label: null }), "silent");
});

test("sets apart from most are marked; an interval is not, and of two halves the first counts", () => {
  const said = (ruleset, category) => ({ ruleset, category });
  const apart = (...sets) => [...apartFrom(sets)];
  const sets = [said("a", "locally_advanced"), said("b", "borderline"), said("c", "borderline")];
  assert.deepEqual(apart(...sets, said("d", null)), ["a"]);
  assert.deepEqual(apart(...sets, said("d", "locally_advanced")), ["b", "c"]);
  assert.deepEqual(apart(said("b", "borderline"), said("d", null)), []);
});

for (const [given, words] of [
  [{ score: score(5), category_label: "Class A" }, "5 points"],
  [{ score: score(null, 6, 40), category_label: null }, "6 to 40 points"],
  [{ score: { ...score(-2.4741234), unit: "" }, category_label: "Grade 2" }, "-2.474"],
  [{ score: score(7), category_label: "7 points (MELD)" }, ""],
  [{ score: null, category_label: "A" }, ""],
  [{ category_label: "A" }, ""],
]) {
  test(`a score beside “${given.category_label}” reads “${words}”`, () => {
    assert.equal(scoreWords(given), words);
  });
}

const choice = (...labels) => ({
  kind: "choice",
  options: labels.map((label) => ({ value: label, label })),
});

test("fields with the same answers make a table, also where one has an answer less", () => {
  const columns = columnsOf([choice("a", "b", "c"), choice("a", "c"), choice("a", "b", "c")]);
  assert.deepEqual(columns.map((one) => one.value), ["a", "b", "c"]);
});

test("two fields, other kinds, or too many answers make no table", () => {
  assert.equal(columnsOf([choice("a", "b"), choice("a", "b")]), null);
  assert.equal(columnsOf([choice("a", "b"), choice("a", "b"), { kind: "number", options: [] }]), null);
  assert.equal(columnsOf([choice(..."abcd"), choice(..."defg"), choice(..."a")]), null);
});

test("a folded card is marked unless a rule that carries its category is sourced", () => {
  const by = (...trusts) => marksOf(trusts.map((trust) => ({ trust })));
  assert.deepEqual(by("general_knowledge", "general_knowledge"), ["general_knowledge"]);
  assert.deepEqual(by("derived", "unpublished"), ["derived", "unpublished"]);
  assert.deepEqual(by("derived", "sourced"), []);
  assert.deepEqual(by(), []);
});
