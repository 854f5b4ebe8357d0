import assert from "node:assert/strict";
import test from "node:test";

import { questionsAddress } from "../panel/asked.js";

test("the address names the image as the visitor knows it, and how it is called", () => {
  const shown = {
    image: { StudyInstanceUID: "2.25.1", SeriesInstanceUID: "2.25.2", SOPInstanceUID: "2.25.3" },
    series: "Series 4: portal venous",
    image_number: 57,
  };
  const address = new URL(questionsAddress("/r/abc", shown), "http://localhost");
  assert.equal(address.pathname, "/r/abc/questions");
  assert.deepEqual(
    ["study", "series", "instance", "frame"].map((name) => address.searchParams.get(name)),
    ["2.25.1", "2.25.2", "2.25.3", "1"],
  );
  assert.match(address.searchParams.get("label"), /57/);
});

test("without an image it is the page alone", () => {
  assert.equal(questionsAddress("/r/abc", null), "/r/abc/questions#new");
});
