import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../panel/api.js";
import { PanelStore } from "../panel/store.js";
import { UnsentChanges } from "../panel/unsent.js";
import { FORM } from "./small_form.mjs";

const panelOf = (name, answers) => ({
  case: { number: "M-1" },
  me: { name, may: ["view", "annotate", "sign"] },
  form: FORM,
  annotation: { answers, version: 3, saved_at: null, signed: null },
  evaluations: [],
  to_sign: [],
  volumes: [],
  opinion: null,
});
const expired = new ApiError(401, {
  error: { code: "grant_expired", message: "This access has expired.", remedy: "Ask for a new one." },
});

function storage() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
    size: () => kept.size,
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A panel by one link: what it sends, and the way to let its clock run. */
async function opened(kept, { name = "Lena", answers = { grade: 1 }, refuses = false } = {}) {
  const sent = [];
  const pending = [];
  const api = {
    panel: async () => structuredClone(panelOf(name, answers)),
    save: async (document, version) => {
      if (refuses) {
        throw expired;
      }
      sent.push(structuredClone(document));
      return { version: version + 1, saved_at: "2026-11-21T08:00:00Z", evaluations: [], to_sign: [] };
    },
  };
  const after = (action) => {
    pending.push(action);
    return () => pending.splice(pending.indexOf(action), 1);
  };
  const store = new PanelStore(api, { after, kept });
  await store.load();
  const run = async () => {
    while (pending.length > 0) {
      pending.shift()();
      await settled();
    }
  };
  return { store, sent, run };
}

test("a link that ends while somebody types: it is said, kept, and goes on by a new link", async () => {
  const browser = storage();
  const kept = new UnsentChanges(browser);
  const old = await opened(kept, { refuses: true });
  old.store.edit("/grade", 2);
  await old.run();
  old.store.edit("/advice/text", "written after the link had ended");
  assert.equal(old.store.state.ended.message, "This access has expired.");
  assert.equal(old.store.state.kept, true);

  const renewed = await opened(kept, { answers: { grade: 1, verdict: "later" } });
  assert.equal(renewed.store.state.restored, 2);
  await renewed.run();
  assert.deepEqual(renewed.sent, [
    { grade: 2, verdict: "later", advice: { text: "written after the link had ended" } },
  ]);
  assert.equal(browser.size(), 0);
});

test("nobody else gets what one reviewer could not save", async () => {
  const kept = new UnsentChanges(storage());
  const old = await opened(kept, { refuses: true });
  old.store.edit("/grade", 2);
  await old.run();
  const other = await opened(kept, { name: "Otto" });
  assert.equal(other.store.state.restored, 0);
  assert.deepEqual(other.store.state.answers, { grade: 1 });
});

test("what is kept is forgotten after a week, and a browser that keeps nothing breaks nothing", () => {
  const browser = storage();
  new UnsentChanges(browser, () => 0).keep(panelOf("Lena", {}), [{ pointer: "/grade", to: 2 }]);
  const later = new UnsentChanges(browser, () => 8 * 24 * 3600 * 1000);
  assert.deepEqual(later.found(panelOf("Lena", {})), []);
  assert.equal(browser.size(), 0);
  const off = { getItem: () => { throw new Error("off"); } };
  assert.equal(new UnsentChanges(off).keep(panelOf("Lena", {}), []), false);
  assert.deepEqual(new UnsentChanges(off).found(panelOf("Lena", {})), []);
});
