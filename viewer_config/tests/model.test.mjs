import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { homeOf, isShown, modelOf, namesIn, pointerTo } from "../panel/model.js";
import { FORM } from "./small_form.mjs";

const model = modelOf(FORM);
const section = (id) => model.sections.find((one) => one.id === id);

test("sections keep the order of the schema and fields the order of their hints", () => {
  assert.deepEqual(model.sections.map((one) => one.id), ["first", "inner", "outer", "volumes"]);
  assert.deepEqual(section("first").fields.map((field) => field.name), ["grade", "verdict", "advice"]);
});

test("vessels are spread over the sections they name", () => {
  assert.deepEqual(section("inner").vessels.map((vessel) => vessel.pointer), ["/vessels/inside"]);
  assert.deepEqual(section("outer").vessels.map((vessel) => vessel.pointer), ["/vessels/outside"]);
});

test("children of a vessel stand in the order of their hints, not of the object", () => {
  const names = model.at.get("/vessels/inside").children.map((child) => child.name);
  assert.deepEqual(names, ["contact_deg", "kind", "extent", "legacy", "note"]);
});

test("a choice offers what the schema offers and still knows the words of the rest", () => {
  const verdict = model.at.get("/verdict");
  assert.deepEqual(verdict.options, [{ value: "later", label: "Later" }]);
  assert.equal(verdict.allOptions.find((one) => one.value === "yes_now").label, "Yes, now");
});

test("a whole number drawn as a choice offers each number as a number", () => {
  assert.deepEqual(model.at.get("/grade").options.map((one) => one.value), [0, 1, 2, 3]);
});

test("a contact is a number with words beside it", () => {
  const contact = model.at.get("/vessels/inside/contact_deg");
  assert.equal(contact.kind, "contact-clock");
  assert.equal(contact.maximum, 360);
  assert.deepEqual(contact.words.map((one) => one.value), ["not_assessed", "not_visible"]);
});

test("a hidden field is known and never drawn", () => {
  assert.equal(section("volumes").fields.some((field) => field.name === "flr_source"), false);
  assert.ok(model.at.has("/flr_source"));
  assert.equal(isShown(model.at.get("/vessels/inside/legacy"), { legacy: true }), false);
});

test("a field waits for what its `when` asks of its sibling", () => {
  const kind = model.at.get("/vessels/inside/kind");
  const extent = model.at.get("/vessels/inside/extent");
  const shownFor = (contact) => [kind, extent].map((field) => isShown(field, { contact_deg: contact }));
  assert.deepEqual(shownFor(undefined), [false, false]);
  assert.deepEqual(shownFor("not_assessed"), [false, false]);
  assert.deepEqual(shownFor(0), [true, false]);
  assert.deepEqual(shownFor(1), [true, true]);
});

test("a problem finds the nearest field above its pointer", () => {
  assert.equal(homeOf(model, "/vessels/inside/contact_deg").pointer, "/vessels/inside/contact_deg");
  assert.equal(homeOf(model, "/vessels/inside/contact_cm").pointer, "/vessels/inside");
  assert.equal(homeOf(model, "/nothing/here"), null);
  assert.equal(homeOf(model, ""), null);
});

test("a pointer survives names with slashes and tildes", () => {
  assert.deepEqual(namesIn(pointerTo(pointerTo("", "a/b"), "c~d")), ["a/b", "c~d"]);
});

const WIDGETS = new Set([
  "contact-clock", "choice", "number", "text", "date", "yes-no", "list", "group", "vessels", "vessel", "hidden",
]);
const organs = new URL("../../server/annotations/organs/", import.meta.url);
const schemaFiles = readdirSync(organs, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "__pycache__")
  .map((entry) => new URL(`${entry.name}/schema.json`, organs));

function* widgetsOf(node) {
  if (node && typeof node === "object") {
    if (typeof node["x-margin"]?.widget === "string") {
      yield node["x-margin"].widget;
    }
    for (const below of Object.values(node)) {
      yield* widgetsOf(below);
    }
  }
}

test("every widget that an organ's schema names can be drawn", () => {
  assert.ok(schemaFiles.length > 0);
  for (const file of [...schemaFiles, new URL("core.json", organs)]) {
    const unknown = [...widgetsOf(JSON.parse(readFileSync(file, "utf-8")))].filter((name) => !WIDGETS.has(name));
    assert.deepEqual(unknown, [], file.pathname);
  }
});
