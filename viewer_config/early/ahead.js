// Whole frames while the viewer is still starting: once the overview has come, the line would carry
// nothing until the viewer asks.
import { RecordReader } from "../images/bodies.js";
import { outwards } from "../images/line.js";
import { fetchFrame } from "../images/series.js";

// Fill a line of 20 Mbit/s and 150 ms, and leave room for what the viewer asks meanwhile.
const AT_ONCE = 3;
// What a fast line brings before the viewer has started would only be held: some 10 MB of CT.
const MOST = 48;

export class Ahead {
  #seriesUrl;
  #frames;
  #ask;
  #records = [];
  #stopped = false;

  /** `frames` takes a promise of each whole frame, by its address; null where it did not come. */
  constructor(seriesUrl, frames, ask = fetchFrame) {
    this.#seriesUrl = seriesUrl;
    this.#frames = frames;
    this.#ask = ask;
  }

  /** The overview's pieces, handed on as they come; at their end whole frames are asked for. */
  async *after(pieces) {
    const reader = new RecordReader();
    for await (const piece of pieces) {
      this.#records.push(...reader.read(piece));
      yield piece;
    }
    this.#begin();
  }

  /** Somebody else decides from now on what comes next; what is on its way may still be taken. */
  stop() {
    this.#stopped = true;
    this.#records = [];
  }

  #begin() {
    const records = this.#records.sort((one, other) => one.place - other.place);
    const order = outwards(records.length, Math.floor(records.length / 2));
    const wanted = [...order]
      .map((index) => this.#frameOf(records[index]))
      .filter((frame) => !this.#frames.has(frame.address.url))
      .slice(0, MOST);
    for (let one = 0; one < AT_ONCE; one += 1) {
      this.#goOn(wanted);
    }
  }

  #frameOf(record) {
    const { SOPInstanceUID, frame } = record;
    const url = `${this.#seriesUrl}/instances/${SOPInstanceUID}/frames/${frame}`;
    return { address: { url }, preview: record };
  }

  async #goOn(wanted) {
    while (wanted.length > 0 && !this.#stopped) {
      const frame = wanted.shift();
      const whole = this.#ask(frame).catch(() => null);
      this.#frames.set(frame.address.url, whole);
      await whole;
    }
  }
}
