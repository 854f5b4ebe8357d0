import assert from "node:assert/strict";
import { test } from "node:test";
import { Ahead } from "../early/ahead.js";
import { answerFrom, normal } from "../early/answers.js";

const HERE = "http://margin.test/r/abc/view/margin";
const BODY = new TextEncoder().encode('[{"a":1}]').buffer;

/** A window whose own XMLHttpRequest only notes that it was sent. */
function windowOf() {
  const sent = [];
  class Native extends EventTarget {
    responseType = "";
    open(method, url) {
      this.address = `${method} ${url}`;
    }
    send() {
      sent.push(this.address);
    }
    get readyState() {
      return 1;
    }
    get status() {
      return 0;
    }
    getResponseHeader() {
      return null;
    }
  }
  globalThis.ProgressEvent ??= class extends Event {};
  return { window: { location: { href: HERE }, XMLHttpRequest: Native }, sent };
}

function asked({ window }, url, responseType = "json") {
  return new Promise((resolve) => {
    const request = new window.XMLHttpRequest();
    request.open("get", url);
    request.responseType = responseType;
    request.addEventListener("readystatechange", () => resolve(request));
    request.send();
    setTimeout(() => resolve(null), 20);
  });
}

const given = async () => ({ contentType: "application/dicom+json", body: BODY });

test("an answer asked for beforehand is given, once, as if the server had sent it", async () => {
  const place = windowOf();
  answerFrom(place.window).put("/r/abc/dicom-web/studies?b=1,2&a=x", given, "application/dicom+json");
  const request = await asked(place, "http://margin.test/r/abc/dicom-web/studies?a=x&b=1%2C2");
  assert.equal(request.status, 200);
  assert.equal(request.readyState, 4);
  assert.deepEqual(request.response, [{ a: 1 }]);
  assert.equal(request.getResponseHeader("Content-Type"), "application/dicom+json");
  assert.deepEqual(place.sent, []);
  assert.equal(await asked(place, "/r/abc/dicom-web/studies?a=x&b=1,2"), null);
  assert.equal(place.sent.length, 1);
});

test("a question that failed beforehand goes to the server", async () => {
  const place = windowOf();
  answerFrom(place.window).put("/x", async () => null, "*/*");
  assert.equal(await asked(place, "/x"), null);
  assert.deepEqual(place.sent, ["get /x"]);
});

test("another address, and anything but a GET, is left alone", async () => {
  const place = windowOf();
  answerFrom(place.window).put("/x?a=1", given, "*/*");
  assert.equal(await asked(place, "/x?a=2"), null);
  const post = new place.window.XMLHttpRequest();
  post.open("POST", "/x?a=1");
  post.send();
  assert.equal(place.sent.length, 2);
  assert.notEqual(normal("/x?a=1", HERE), normal("/x?a=2", HERE));
});

const SERIES = "/r/abc/dicom-web/studies/1.2/series/1.2.3";
const addressOfFrame = (number) => `${SERIES}/instances/9.${number}/frames/1`;

/** An overview of slices in the order in which they are sent, in two pieces. */
async function* overviewOf(places) {
  const records = places.map((place) =>
    JSON.stringify({ SOPInstanceUID: `9.${place}`, frame: 1, place, bytes: 0 }),
  );
  const bytes = new TextEncoder().encode(`${records.join("\n")}\n`);
  yield bytes.subarray(0, 40);
  yield bytes.subarray(40);
}

/** Asks whose answers are given by hand. */
function slowly() {
  const asked = [];
  const ask = ({ address }) =>
    new Promise((answer, fail) => asked.push({ url: address.url, answer, fail }));
  return { asked, ask, urls: () => asked.map(({ url }) => url) };
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

test("when the overview has come, whole slices are asked for from the middle outwards", async () => {
  const { asked, ask, urls } = slowly();
  const frames = new Map([[addressOfFrame(3), "the first image"]]);
  const ahead = new Ahead(SERIES, frames, ask);
  const pieces = ahead.after(overviewOf([3, 0, 6, 1, 5, 2, 4]));
  await pieces.next();
  assert.deepEqual(urls(), [], "the overview goes first");
  for await (const _ of pieces) {
    // Handed on as they come.
  }
  assert.deepEqual(urls(), [4, 2, 5].map(addressOfFrame));
  asked[0].answer("four");
  asked[1].fail(new Error("cut off"));
  await settle();
  assert.deepEqual(urls().slice(3), [1, 6].map(addressOfFrame));
  assert.equal(await frames.get(addressOfFrame(4)), "four");
  assert.equal(await frames.get(addressOfFrame(2)), null, "asked again by whoever needs it");
});

test("once the viewer decides what comes next, nothing more is asked for ahead of it", async () => {
  const { asked, ask, urls } = slowly();
  const ahead = new Ahead(SERIES, new Map(), ask);
  for await (const _ of ahead.after(overviewOf([2, 0, 4, 1, 3]))) {
    // Handed on as they come.
  }
  ahead.stop();
  asked.forEach(({ answer }) => answer("whole"));
  await settle();
  assert.equal(urls().length, 3);
  const late = slowly();
  const stopped = new Ahead(SERIES, new Map(), late.ask);
  stopped.stop();
  for await (const _ of stopped.after(overviewOf([1, 0, 2]))) {
    // The viewer was there before the overview was.
  }
  assert.deepEqual(late.urls(), []);
});
