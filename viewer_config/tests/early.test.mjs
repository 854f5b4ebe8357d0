import assert from "node:assert/strict";
import { test } from "node:test";
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
