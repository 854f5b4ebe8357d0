// Reading what the gateway sends: the overview's records, and frames as multipart. Pure.

const LINE_FEED = 10;
const LONGEST_LINE = 4096;

/** Takes an overview piece by piece and gives its records, each with the bytes it announced. */
export class RecordReader {
  #held = new Uint8Array(0);
  #head = null;

  /** The records that these bytes complete: `[{...head, data: Uint8Array}]`. */
  read(piece) {
    this.#held = joined(this.#held, piece);
    const records = [];
    let at = 0;
    for (;;) {
      if (this.#head === null) {
        const end = this.#held.indexOf(LINE_FEED, at);
        if (end < 0) {
          break;
        }
        this.#head = JSON.parse(new TextDecoder().decode(this.#held.subarray(at, end)));
        at = end + 1;
      }
      const { bytes } = this.#head;
      if (this.#held.length - at < bytes) {
        break;
      }
      records.push({ ...this.#head, data: this.#held.slice(at, at + bytes) });
      this.#head = null;
      at += bytes;
    }
    this.#held = this.#held.slice(at);
    if (this.#head === null && this.#held.length > LONGEST_LINE) {
      throw new Error("This is not an overview.");
    }
    return records;
  }
}

export function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first, 0);
  whole.set(second, first.length);
  return whole;
}

const syntaxIn = (text) => /transfer-syntax="?([0-9.]+)/i.exec(text)?.[1] ?? null;

/** The one frame in an answer: `{data, syntax}`. Throws when there is none. */
export function frameIn(contentType, body) {
  if (!/^multipart\//i.test(contentType)) {
    return { data: body, syntax: syntaxIn(contentType) };
  }
  const headEnd = indexOf(body, "\r\n\r\n", 0);
  if (headEnd < 0) {
    throw new Error("The answer has no part.");
  }
  const head = new TextDecoder("latin1").decode(body.subarray(0, headEnd));
  const from = headEnd + 4;
  const said = /^content-length:\s*(\d+)/im.exec(head);
  const boundary = /^--\S+/.exec(head.trimStart())?.[0] ?? "--";
  const to = said ? from + Number(said[1]) : lastIndexOf(body, `\r\n${boundary}`);
  if (to < from || to > body.length) {
    throw new Error("The answer ends before the frame does.");
  }
  return { data: body.slice(from, to), syntax: syntaxIn(head) };
}

function matches(body, text, at) {
  for (let index = 0; index < text.length; index += 1) {
    if (body[at + index] !== text.charCodeAt(index)) {
      return false;
    }
  }
  return true;
}

function indexOf(body, text, from) {
  for (let at = from; at <= body.length - text.length; at += 1) {
    if (matches(body, text, at)) {
      return at;
    }
  }
  return -1;
}

function lastIndexOf(body, text) {
  for (let at = body.length - text.length; at >= 0; at -= 1) {
    if (matches(body, text, at)) {
      return at;
    }
  }
  return -1;
}
