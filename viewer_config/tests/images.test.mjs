import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "../images/address.js";
import { RecordReader, frameIn, joined } from "../images/bodies.js";
import { enlarged } from "../images/enlarge.js";
import { Line, Passed, outwards } from "../images/line.js";
import { Loader } from "../images/loader.js";
import { wordsFor } from "../images/mark.js";
import { Outage } from "../images/outage.js";
import { SeriesFrames, fetchFrame, wholeFrame } from "../images/series.js";

const bytes = (text) => new TextEncoder().encode(text);
const SERIES = "/r/Ab/dicom-web/studies/1.2/series/1.2.3";
const imageId = (number) => `wadors:${SERIES}/instances/9.${number}/frames/1`;
const record = (number, data, more = {}) =>
  bytes(
    `${JSON.stringify({
      ...{ SOPInstanceUID: `9.${number}`, frame: 1, syntax: "1.2.840.10008.1.2.4.202", halvings: 2 },
      ...{ start: 40, bytes: data.length, total: 10, ...more },
    })}\n${data}`,
  );

test("a frame's address is read from an image id, and nothing else is taken for one", () => {
  const found = addressOf(imageId(7));
  assert.equal(found.seriesUrl, SERIES);
  assert.equal(found.key, "9.7/1");
  assert.equal(found.url, `${SERIES}/instances/9.7/frames/1`);
  for (const other of ["wadouri:/x", "derived:1", "wadors:/studies/1/series/2"]) {
    assert.equal(addressOf(other), null);
  }
});

test("an overview is read alike in whatever pieces it comes", () => {
  const whole = joined(record(1, "abc"), record(2, "d\nefg"));
  for (const size of [1, 7, 64, whole.length]) {
    const reader = new RecordReader();
    const found = [];
    for (let at = 0; at < whole.length; at += size) {
      found.push(...reader.read(whole.subarray(at, at + size)));
    }
    assert.deepEqual(
      found.map((one) => [one.SOPInstanceUID, new TextDecoder().decode(one.data)]),
      [["9.1", "abc"], ["9.2", "d\nefg"]],
    );
  }
});

test("what is no overview is refused", () => {
  assert.throws(() => new RecordReader().read(bytes("<html>\n")));
  assert.throws(() => new RecordReader().read(new Uint8Array(5000)));
});

test("a frame is taken out of a multipart answer, with or without its length said", () => {
  const part = "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.201";
  for (const length of ["", "Content-Length: 6\r\n"]) {
    const body = bytes(`--edge\r\n${part}\r\n${length}\r\nab\r\ncd\r\n--edge--\r\n`);
    const { data, syntax } = frameIn("multipart/related; boundary=edge", body);
    assert.equal(new TextDecoder().decode(data), "ab\r\ncd");
    assert.equal(syntax, "1.2.840.10008.1.2.4.201");
  }
  const plain = frameIn("image/jls; transfer-syntax=1.2.840.10008.1.2.4.80", bytes("x"));
  assert.equal(plain.syntax, "1.2.840.10008.1.2.4.80");
  assert.throws(() => frameIn("multipart/related", bytes("--edge\r\nContent-Length: 9\r\n\r\nab")));
});

test("frames come from the slice somebody looks at outwards, ahead before behind", () => {
  assert.deepEqual([...outwards(5, 2)], [2, 3, 1, 4, 0]);
  assert.deepEqual([...outwards(5, 4, -1)], [4, 3, 2, 1, 0]);
  assert.deepEqual([...outwards(1, 0)], [0]);
});

/** A line whose answers are given by hand. */
function slowLine() {
  const asked = [];
  const line = new Line((frame) => new Promise((answer) => asked.push({ frame, answer })));
  return { line, asked, names: () => asked.map(({ frame }) => frame) };
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

test("the line is kept full, and the slice somebody looks at finds a way past the others", async () => {
  const { line, asked, names } = slowLine();
  const waiting = ["a", "b", "c", "d", "e", "f", "g"];
  line.add({ next: () => waiting[0] ?? null, take: () => waiting.shift() });
  assert.deepEqual(names(), ["a", "b", "c", "d", "e"]);
  const looked = line.now("z");
  assert.deepEqual(names().at(-1), "z");
  asked.at(-1).answer("Z");
  assert.equal(await looked, "Z");
  await settle();
  assert.equal(names().length, 6, "five under way are enough for the background");
  asked[0].answer("A");
  await settle();
  assert.deepEqual(names().at(-1), "f");
});

test("a slice scrolled past before it was asked for is not asked for", async () => {
  const { line, names } = slowLine();
  const first = ["1", "2", "3", "4", "5", "6"].map((frame) => line.now(frame));
  const passed = line.now("7");
  line.notNow("7");
  await assert.rejects(passed, Passed);
  assert.equal(names().length, 6);
  assert.equal(line.now("3"), line.now("3"));
  assert.equal(first.length, 6);
});

test("while the overview comes, nothing is fetched behind it", () => {
  const { line, names } = slowLine();
  const release = line.hold();
  const waiting = ["a"];
  line.add({ next: () => waiting[0] ?? null, take: () => waiting.shift() });
  assert.deepEqual(names(), []);
  release();
  release();
  assert.deepEqual(names(), ["a"]);
});

test("what the overview brought is not sent again", async () => {
  const series = new SeriesFrames([imageId(1)]);
  const [frame] = series.frames;
  frame.preview = { ...{ data: bytes("abc"), bytes: 3, start: 40, total: 10 }, syntax: "1.2" };
  const native = globalThis.fetch;
  let range = null;
  globalThis.fetch = async (_url, { headers }) => {
    range = headers.Range;
    return new Response(bytes("defghij"), { status: 206 });
  };
  try {
    const { data, syntax } = await fetchFrame(frame);
    assert.equal(range, "bytes=43-49");
    assert.equal(new TextDecoder().decode(data), "abcdefghij");
    assert.equal(syntax, "1.2");
    globalThis.fetch = async () => new Response(bytes("short"), { status: 206 });
    await assert.rejects(fetchFrame(frame), /206/);
    globalThis.fetch = async () => new Response("", { status: 403 });
    await assert.rejects(fetchFrame(frame), { status: 403, isAway: false });
    globalThis.fetch = async () => {
      throw new TypeError("Failed to fetch");
    };
    await assert.rejects(fetchFrame(frame), { status: 0, isAway: true });
  } finally {
    globalThis.fetch = native;
  }
});

test("a whole frame asked for early is taken once; one that did not come is asked for again", async () => {
  const [frame] = new SeriesFrames([imageId(1)]).frames;
  const { url } = frame.address;
  const native = globalThis.fetch;
  globalThis.fetch = async () =>
    new Response(bytes("fresh"), { headers: { "Content-Type": "application/octet-stream" } });
  const text = async (early) => new TextDecoder().decode((await wholeFrame(frame, early)).data);
  try {
    const early = new Map([[url, Promise.resolve({ data: bytes("early"), syntax: "1.2" })]]);
    assert.equal(await text(early), "early");
    assert.equal(await text(early), "fresh");
    assert.equal(await text(new Map([[url, Promise.resolve(null)]])), "fresh");
  } finally {
    globalThis.fetch = native;
  }
});

test("an overview that had been asked for early is read, and a frame that failed is tried again once", async () => {
  const pieces = async function* () {
    yield record(2, "xyz");
  };
  const early = { overviews: new Map([[`${SERIES}/overview?resolution=128`, pieces()]]) };
  const series = new SeriesFrames([imageId(1), imageId(2)], early);
  const came = [];
  series.onPreview((frame) => came.push(frame.imageId));
  await series.overview(true);
  assert.deepEqual(came, [imageId(2)]);
  assert.deepEqual(series.counts, { all: 2, preview: 1, drawn: 0, whole: 0 });
  const frame = series.next();
  frame.asked = true;
  assert.notEqual(series.next(), frame);
  assert.equal(series.failed(frame), true);
  frame.asked = true;
  assert.equal(series.failed(frame), false);
  assert.notEqual(series.next(), frame);
});

test("while there is no answer the pauses grow, and it goes on at once when there is one again", () => {
  const delays = [];
  const done = [];
  let waiting = null;
  const outage = new Outage({
    hold: () => () => done.push("released"),
    goOn: () => done.push("asked again"),
    after: (action, delayMs) => {
      delays.push(delayMs);
      waiting = action;
      return () => (waiting = null);
    },
  });
  for (let attempt = 0; attempt < 7; attempt += 1) {
    outage.began();
    outage.began();
    waiting();
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  outage.began();
  done.length = 0;
  outage.ended();
  assert.deepEqual(done, ["asked again", "released"]);
  assert.equal(waiting, null);
  outage.ended();
  assert.equal(done.length, 2);
  outage.began();
  assert.equal(delays.at(-1), 1000);
});

/** Of Cornerstone what the loader asks for; every image is in its cache, or none. */
function cornerstoneLike(provided, { cached }) {
  return {
    metaData: { addProvider: () => {} },
    cache: { isLoaded: () => cached, getImage: (imageId) => ({ imageId }) },
    imageLoader: { loadAndCacheImage: async (imageId) => ({ imageId }) },
    Enums: { ImageQualityStatus: {}, RequestType: {} },
    ProgressiveRetrieveImages: { singleRetrieveStages: {}, interleavedRetrieveStages: {} },
    utilities: { imageRetrieveMetadataProvider: { add: (kind, made) => provided.set(kind, made) } },
  };
}

test("a slice that is there already is given after scrolling to it has been told", async () => {
  const native = globalThis.fetch;
  globalThis.fetch = async () => new Response("", { status: 404 });
  const provided = new Map();
  new Loader(cornerstoneLike(provided, { cached: true })).install();
  const told = [];
  const viewport = {
    id: "one",
    getImageIds: () => [imageId(1)],
    successCallback: (given) => told.push(given),
  };
  try {
    const loading = provided.get("stack").create({}).loadImages([imageId(1)], viewport);
    told.push("scrolled");
    await loading;
    assert.deepEqual(told, ["scrolled", imageId(1)]);
  } finally {
    globalThis.fetch = native;
  }
});

test("slices that did not come while the line was away are asked for when it is back", async () => {
  const native = globalThis.fetch;
  let isAway = true;
  globalThis.fetch = async (url) => {
    if (isAway) {
      throw new TypeError("Failed to fetch");
    }
    return new Response(bytes("whole"), { status: url.includes("overview") ? 404 : 200 });
  };
  const provided = new Map();
  const never = () => () => {};
  const loader = new Loader(cornerstoneLike(provided, { cached: false }), { after: never });
  loader.install();
  const imageIds = [1, 2, 3, 4, 5, 6, 7].map(imageId);
  const told = [];
  const viewport = {
    id: "one",
    getImageIds: () => imageIds,
    getCurrentImageId: () => imageIds[3],
    getLoaderImageOptions: () => ({}),
    successCallback: (given) => told.push(given),
    errorCallback: () => {},
  };
  try {
    await provided.get("stack").create({}).loadImages([imageIds[3]], viewport);
    await settle();
    assert.deepEqual(told, []);
    assert.equal(loader.counts[0].whole, 0);
    isAway = false;
    loader.lineIsBack();
    for (let turn = 0; turn < 100 && loader.counts[0].whole < 7; turn += 1) {
      await settle();
    }
    assert.deepEqual(told, [imageIds[3]]);
    assert.equal(loader.counts[0].whole, 7);
  } finally {
    globalThis.fetch = native;
  }
});

test("a small picture is drawn up to where its pixels lie", () => {
  const small = Int16Array.from([0, 40, 80, 120]);
  const whole = enlarged(small, { rows: 4, columns: 4, halvings: 1 });
  assert.equal(whole.constructor, Int16Array);
  assert.deepEqual([...whole.subarray(0, 4)], [0, 20, 40, 40]);
  assert.deepEqual([...whole.subarray(8, 12)], [80, 100, 120, 120]);
  assert.throws(() => enlarged(small, { rows: 8, columns: 8, halvings: 1 }));
});

test("a preview always says that it is one, and a whole image never", () => {
  assert.match(wordsFor({ isFull: false }), /Preview/);
  assert.equal(wordsFor({ isFull: true }), "");
  assert.match(wordsFor({ whole: 449, all: 450 }), /Preview: 99 %/);
  assert.equal(wordsFor({ whole: 450, all: 450 }), "");
});
