import assert from "node:assert/strict";
import { test } from "node:test";

import { isShared, leaveWhenOver, sharedPage } from "../shared.js";

test("only the viewer of a recipient is a shared one", () => {
  assert.equal(isShared("?StudyInstanceUIDs=1.2&shared=1"), true);
  assert.equal(isShared("?StudyInstanceUIDs=1.2"), false);
  assert.equal(sharedPage("/r/0a1b/view/margin"), "/r/0a1b/shared");
  assert.equal(sharedPage("/cases/M-2026-00001"), null);
});

test("a viewer leaves for the recipient's page once nothing is shared any more", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const went = [];
  const location = {
    pathname: "/r/0a1b/view/margin",
    search: "?shared=1",
    replace: (page) => went.push(page),
  };
  let status = 200;
  const asked = [];
  const timer = leaveWhenOver(location, async (url) => {
    asked.push(url);
    return { status };
  });
  const soon = () => new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(3000);
  await soon();
  assert.deepEqual(went, []);
  status = 401;
  t.mock.timers.tick(3000);
  await soon();
  assert.deepEqual(went, ["/r/0a1b/shared"]);
  assert.deepEqual(new Set(asked), new Set(["/r/0a1b/shared/standing"]));
  clearInterval(timer);
});

test("a surgeon's viewer never asks", () => {
  assert.equal(leaveWhenOver({ pathname: "/r/0a1b/view/margin", search: "" }), null);
});
