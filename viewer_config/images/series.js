// What is known of the frames of one series: which are there at a low resolution, which whole.
import { addressOf } from "./address.js";
import { RecordReader, frameIn, joined } from "./bodies.js";
import { outwards } from "./line.js";

const ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
// Pixels of an overview's longer side: 16 kB a slice for the series somebody looks at, 4.5 kB for
// those beside it.
const LOOKED_AT = 128;
const BESIDE = 64;
const MOST_FAILURES = 2;
// The server is not there: no answer at all, or a proxy says so (RFC 9110, 15.6.3 to 15.6.5).
const AWAY = [0, 502, 503, 504];

export const overviewUrl = (seriesUrl, isBeside = false) =>
  `${seriesUrl}/overview?resolution=${isBeside ? BESIDE : LOOKED_AT}`;

/** An answer's bytes as they come; none at all when it is a refusal. */
export async function* piecesOf(url) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok || !answer.body) {
    return;
  }
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}

/**
 * One frame on its way. `preview` is the overview's record, `drawn` says that a viewport was given a
 * picture of it, `whole` that it was decoded at full resolution, `unanswered` that it is to be asked
 * for again once the server answers.
 */
class Frame {
  preview = null;
  drawn = false;
  whole = false;
  asked = false;
  unanswered = false;
  failures = 0;

  constructor(imageId, address, index) {
    this.imageId = imageId;
    this.address = address;
    this.index = index;
  }
}

/** An answer that is no frame; `status` as HTTP has it, 0 when none came. */
export class FrameNotGiven extends Error {
  constructor(status) {
    super(`A frame was answered with ${status}.`);
    this.status = status;
  }

  get isAway() {
    return AWAY.includes(this.status);
  }
}

/** What was asked for before the viewer was running, or else what the server gives now. */
export async function wholeFrame(frame, early = new Map()) {
  const waiting = early.get(frame.address.url);
  early.delete(frame.address.url);
  return (await waiting) ?? fetchFrame(frame);
}

/** The whole codestream of a frame: `{data, syntax}`. What the overview brought is not sent again. */
export async function fetchFrame({ address, preview }) {
  const headers = { Accept: ACCEPT };
  if (preview && preview.bytes < preview.total) {
    headers.Range = `bytes=${preview.start + preview.bytes}-${preview.start + preview.total - 1}`;
    // What was made anew since is another encoding: then the whole comes, and nothing is joined.
    headers["If-Range"] = `"${preview.etag}"`;
  }
  const { answer, body } = await answered(address.url, headers);
  if (!answer.ok) {
    throw new FrameNotGiven(answer.status);
  }
  if (answer.status === 206) {
    if (preview.bytes + body.length !== preview.total) {
      throw new FrameNotGiven(answer.status);
    }
    return { data: joined(preview.data, body), syntax: preview.syntax };
  }
  return frameIn(answer.headers.get("Content-Type") ?? "", body);
}

async function answered(url, headers) {
  try {
    const answer = await fetch(url, { headers, credentials: "same-origin" });
    return { answer, body: new Uint8Array(await answer.arrayBuffer()) };
  } catch {
    throw new FrameNotGiven(0);
  }
}

export class SeriesFrames {
  #byKey = new Map();
  #listeners = new Set();
  #overview = null;
  #order = [];
  #at = 0;
  #early;
  /** What the line fetches of this series in the background, once it does. */
  source = null;

  constructor(imageIds, early = {}) {
    this.#early = early;
    this.frames = imageIds.map((imageId, index) => new Frame(imageId, addressOf(imageId), index));
    this.byImageId = new Map(this.frames.map((frame) => [frame.imageId, frame]));
    this.#byKey = new Map(this.frames.map((frame) => [frame.address.key, frame]));
    this.focusOn(Math.floor(this.frames.length / 2));
  }

  /** Called with each frame whose preview has come; a function that ends it. */
  onPreview(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Read the overview, once; resolves when it has come, or when there is none. */
  overview(isBeside) {
    this.#overview ??= this.#read(isBeside).catch(() => {});
    return this.#overview;
  }

  async #read(isBeside) {
    const { seriesUrl } = this.frames[0].address;
    const early = this.#early.overviews?.get(overviewUrl(seriesUrl));
    if (early) {
      try {
        await this.#readFrom(early);
        return;
      } catch {
        // It was cut short: once more, from the beginning.
      }
    }
    await this.#readFrom(piecesOf(overviewUrl(seriesUrl, isBeside)));
  }

  async #readFrom(pieces) {
    const records = new RecordReader();
    for await (const piece of pieces) {
      records.read(piece).forEach((record) => this.#take(record));
    }
  }

  #take(record) {
    const frame = this.#byKey.get(`${record.SOPInstanceUID}/${record.frame}`);
    if (frame && !frame.preview) {
      frame.preview = record;
      this.#listeners.forEach((listener) => listener(frame));
    }
  }

  /** The next frames are fetched from here outwards, in the direction of the scrolling. */
  focusOn(index, direction = 1) {
    this.#order = [...outwards(this.frames.length, index, direction)];
    this.#at = 0;
  }

  /** The next frame nobody has asked for; null when all are. */
  next() {
    while (this.#at < this.#order.length) {
      const frame = this.frames[this.#order[this.#at]];
      if (!frame.whole && !frame.asked) {
        return frame;
      }
      this.#at += 1;
    }
    return null;
  }

  /** A frame did not come. Asked once more; whether it will be. */
  failed(frame) {
    frame.failures += 1;
    frame.asked = frame.failures >= MOST_FAILURES;
    this.#at = 0;
    return !frame.asked;
  }

  /** The server answers again: what it did not answer is asked for once more. */
  askAgain() {
    for (const frame of this.frames.filter((one) => one.unanswered)) {
      frame.unanswered = false;
      frame.asked = false;
    }
    this.#at = 0;
  }

  /** How far it is: `{all, preview, drawn, whole}`. */
  get counts() {
    const of = (test) => this.frames.filter(test).length;
    return {
      all: this.frames.length,
      preview: of((frame) => frame.preview || frame.whole),
      drawn: of((frame) => frame.drawn || frame.whole),
      whole: of((frame) => frame.whole),
    };
  }
}
