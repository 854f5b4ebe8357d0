// Takes the identity out of a DICOM file before it leaves this computer (PS3.15 Annex E).
//
// The rules come from the server (/uploads/rules): an attribute that has no letter there is left out.
// Only the header is written anew; the pixels are the bytes of the file that was chosen.

import { Words } from "./upload_words.js";

const PIXELS = 0x7fe00010;
const LONG_FORM = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
// Explicit and implicit little endian; what is compressed is explicit (PS3.5 A.4).
const IMPLICIT = "1.2.840.10008.1.2";
const NOT_READ = new Set(["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]);
const STANDARD_UID = /^1\.2\.840\.10008(?:\.[0-9]{1,4}){1,10}$/;
const MEDIA_DIRECTORY = "1.2.840.10008.1.3.10";
const FIRST_BYTES = 256 * 1024;
const MOST_HEADER_BYTES = 256 * 1024 * 1024;
const OLDEST_YEARS = 90;
const ENCODINGS = {
  "ISO_IR 192": "utf-8", GB18030: "gb18030", GBK: "gbk", "ISO_IR 13": "shift_jis",
  "ISO_IR 100": "iso-8859-1", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3",
  "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5", "ISO_IR 127": "iso-8859-6",
  "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 148": "iso-8859-9",
  "ISO 2022 IR 87": "iso-2022-jp", "ISO 2022 IR 149": "euc-kr", "ISO 2022 IR 58": "gbk",
};
const utf8 = new TextEncoder();

/** Why a file cannot be cleaned; its message is for whoever chose it. */
export class CannotClean extends Error {}

export class Cleaner {
  constructor(rules) {
    this.rules = rules;
    this.words = new Words(rules);
    this.values = Object.fromEntries(
      Object.entries(rules.values).map(([name, pattern]) => [name, new RegExp(`^(?:${pattern})$`)]),
    );
    this.made = new Map();
    const key = Uint8Array.from(rules.key.match(/../g), (pair) => parseInt(pair, 16));
    this.key = crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  }

  async digest(what) {
    return new Uint8Array(await crypto.subtle.sign("HMAC", await this.key, utf8.encode(what)));
  }

  /** Of the same original always the same, for everybody who sends to this case. */
  async uid(original) {
    if (!original || STANDARD_UID.test(original)) return original;
    if (!this.made.has(original)) {
      const bytes = (await this.digest(`uid\0${original}`)).slice(0, 16);
      this.made.set(original, `2.25.${bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)}`);
    }
    return this.made.get(original);
  }

  async short(what, length) {
    const bytes = await this.digest(what);
    return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("").slice(0, length).toUpperCase();
  }

  /** A file without identity: {blob, removed: [name], risk: "" or why}. Raises CannotClean. */
  async clean(file) {
    const { bytes, data, pixels } = await headerOf(file);
    const syntax = text(data, "x00020010");
    if (NOT_READ.has(syntax)) throw new CannotClean("Its transfer syntax cannot be cleaned in a browser.");
    const sopClass = text(data, "x00020002");
    if (sopClass === MEDIA_DIRECTORY) throw new CannotClean("A DICOMDIR: not needed, and full of names.");
    const { documents } = this.rules.burned_in;
    if (documents.some((one) => (one.endsWith(".") ? sopClass.startsWith(one) : sopClass === one))) {
      throw new CannotClean("A document inside a DICOM file cannot be cleaned.");
    }
    const job = new Job(this, bytes, syntax === IMPLICIT, encodingOf(data));
    const body = await job.dataset(data, true);
    const meta = await this.meta(data, syntax, sopClass);
    const parts = [new Uint8Array(128), utf8.encode("DICM"), meta, body];
    if (pixels) {
      parts.push(header(PIXELS, pixels.vr, pixels.undefinedLength ? 0xffffffff : pixels.length, job.implicit));
      parts.push(file.slice(pixels.start, pixels.end));
    }
    return { blob: new Blob(parts), removed: [...job.removed], risk: this.riskOf(data, sopClass) };
  }

  async meta(data, syntax, sopClass) {
    const [writer, version] = this.rules.writer;
    const elements = [
      element(0x00020001, "OB", Uint8Array.of(0, 1), false),
      element(0x00020002, "UI", padded(sopClass, "\0"), false),
      element(0x00020003, "UI", padded(await this.uid(text(data, "x00020003")), "\0"), false),
      element(0x00020010, "UI", padded(syntax, "\0"), false),
      element(0x00020012, "UI", padded(writer, "\0"), false),
      element(0x00020013, "SH", padded(version, " "), false),
    ];
    const body = joined(elements);
    return joined([element(0x00020000, "UL", number32(body.length), false), body]);
  }

  /** Whether the picture itself may show a name, by its kind (the server's rule for reviewers). */
  riskOf(data, sopClass) {
    const kinds = this.rules.burned_in;
    const burned = text(data, "x00280301").toUpperCase();
    if (burned === "YES") return "it says that text is burned in";
    if (burned === "NO" || kinds.without_pixels.some((one) => sopClass.startsWith(one))) return "";
    const types = text(data, "x00080008").toUpperCase().split("\\").map((one) => one.trim());
    if (types.some((one) => kinds.pages.includes(one))) return "it is a page of text";
    const modality = text(data, "x00080060").toUpperCase();
    const samples = data.elements.x00280002 ? data.uint16("x00280002") : 1;
    const isScan = kinds.safe_classes.includes(sopClass) && !kinds.risky_modalities.includes(modality);
    if (isScan && !text(data, "x00080064") && (samples === 1 || modality === "SM")) return "";
    return "images of its kind often show the patient's name";
  }
}

/** One file being written anew. */
class Job {
  constructor(cleaner, bytes, implicit, decoder) {
    Object.assign(this, { cleaner, bytes, implicit, decoder, removed: new Set() });
    this.rules = cleaner.rules;
  }

  async dataset(data, isTop = false) {
    const parts = new Map();
    if (isTop) this.say(parts);
    const coded = await this.code(data);
    for (const found of Object.values(data.elements)) {
      const tag = parseInt(found.tag.slice(1), 16);
      if (tag >>> 16 === 2 || (isTop && tag >= PIXELS)) continue;
      const made = await this.attribute(tag, found, data, coded);
      if (made) parts.set(tag, made);
    }
    const tags = [...parts.keys()].sort((one, other) => one - other);
    return joined(tags.map((tag) => parts.get(tag)));
  }

  /** What says that all this was done (PS3.15 E.3). */
  say(parts) {
    const { implicit } = this;
    const methods = this.rules.methods.map(([value, meaning]) =>
      item(joined([
        element(0x00080100, "SH", padded(value, " "), implicit),
        element(0x00080102, "SH", padded("DCM", " "), implicit),
        element(0x00080104, "LO", padded(meaning, " "), implicit),
      ])),
    );
    parts.set(0x00080005, element(0x00080005, "CS", padded("ISO_IR 192", " "), implicit));
    parts.set(0x00120062, element(0x00120062, "CS", padded("YES", " "), implicit));
    parts.set(0x00120063, element(0x00120063, "LO", padded("Margin, in the sender's browser", " "), implicit));
    parts.set(0x00120064, element(0x00120064, "SQ", joined(methods), implicit));
    parts.set(0x00280303, element(0x00280303, "CS", padded("UNMODIFIED", " "), implicit));
  }

  async attribute(tag, found, data, coded) {
    const name = hex(tag);
    if (tag === 0x00080005 || tag === 0x00280303) return null;
    const rule = this.rules.letters[name];
    const [letter, ...vrs] = rule ? [rule[0], ...rule.slice(1).split(" ")] : [""];
    if (!letter || (found.vr && !vrs.includes(found.vr))) {
      this.note(tag, name, found);
      return null;
    }
    const vr = found.vr ?? vrs[0];
    if (letter === "S") return this.sequence(tag, vr, found);
    if (letter === "K") return element(tag, vr, this.raw(found), this.implicit);
    if (letter === "Q") return coded.has(tag) ? element(tag, vr, padded(coded.get(tag), " "), this.implicit) : null;
    const before = this.text(found);
    const after = await this.value(letter, tag, vr, before);
    if (after !== before) this.note(tag, name, found);
    return element(tag, vr, padded(after, vr === "UI" ? "\0" : " "), this.implicit);
  }

  note(tag, name, found) {
    if (!found.length && !found.items?.length) return;
    if ((tag >>> 16) % 2) this.removed.add("Private fields");
    else if (this.rules.identifying[name]) this.removed.add(this.rules.identifying[name]);
    else if ((tag & 0xffff) !== 0) this.removed.add("Other fields that are not needed to look at images");
  }

  raw(found) {
    return this.bytes.subarray(found.dataOffset, found.dataOffset + found.length);
  }

  text(found) {
    return this.decoder.decode(this.raw(found)).replace(/[\0 ]+$/, "");
  }

  async sequence(tag, vr, found) {
    const items = [];
    for (const one of found.items ?? []) {
      if (!one.dataSet) continue;
      const type = text(one.dataSet, "x0040a040");
      if (this.rules.removed_items.includes(type)) {
        this.removed.add("Names and dates in reports");
        continue;
      }
      items.push(item(await this.dataset(one.dataSet)));
    }
    return element(tag, vr, joined(items), this.implicit);
  }

  /** The parts of a coded concept as they may stay, by tag (PS3.3 8.8). */
  async code(data) {
    const kept = new Map();
    if (!data.elements.x00080100) return kept;
    const of = (name) => (data.elements[name] ? this.text(data.elements[name]).trim() : "");
    const [value, scheme, meaning] = [of("x00080100"), of("x00080102"), of("x00080104")];
    const isPublic = this.rules.schemes.includes(scheme) && /^[A-Za-z0-9.-]{1,18}$/.test(value);
    const code = isPublic ? [value, scheme, this.cleaner.words.staysWhole(meaning) ? meaning : value] : this.rules.unknown_code;
    [0x00080100, 0x00080102, 0x00080104].forEach((tag, place) => kept.set(tag, code[place]));
    return kept;
  }

  async value(letter, tag, vr, before) {
    const { words, values } = this.cleaner;
    const many = before.split("\\").map((one) => one.trim());
    const fallback = this.rules.fallbacks[hex(tag)] ?? "";
    switch (letter) {
      case "U":
        return (await Promise.all(many.map((one) => this.cleaner.uid(one)))).join("\\");
      case "M":
        return this.matched(tag, vr, many);
      case "C": {
        const terms = many.map((one) => (words.isTerm(one) ? one : ""));
        return terms.some(Boolean) ? terms.join("\\").replace(/\\+$/, "") : fallback;
      }
      case "W":
        return many.map((one) => words.cleaned(one)).filter(Boolean).join("\\") || fallback;
      case "T":
        return words.staysWhole(before) ? before : "(withheld)";
      case "N":
        return `CASE^${this.rules.label}`;
      case "P":
        return before ? `${this.rules.label}-${await this.cleaner.short(`patient\0${before}`, 6)}` : this.rules.label;
      case "I":
        return before ? this.cleaner.short(`identifier\0${before}`, 12) : "";
      case "Y":
        return values.DA.test(before) && new Date().getFullYear() - Number(before.slice(0, 4)) < OLDEST_YEARS ? `${before.slice(0, 4)}0101` : "";
      case "F":
        return this.rules.makers.find((name) => before.toUpperCase().includes(name)) ?? "";
      default:
        return "";
    }
  }

  matched(tag, vr, many) {
    const special = { 0x00080201: "offset", 0x00200020: "letters", 0x0008010f: "number", 0x0040db00: "number" };
    const pattern = this.cleaner.values[special[tag] ?? vr];
    if (!pattern || !many.every((one) => one === "" || pattern.test(one))) return "";
    if (vr !== "AS") return many.join("\\");
    return many.map((one) => (one.endsWith("Y") && Number(one.slice(0, 3)) >= OLDEST_YEARS ? "090Y" : one)).join("\\");
  }
}

const hex = (tag) => tag.toString(16).toUpperCase().padStart(8, "0");
const text = (data, name) => (data.elements[name] ? (data.string(name) ?? "") : "");

function encodingOf(data) {
  const terms = text(data, "x00080005").split("\\").map((one) => one.trim().replace("ISO 2022 IR 100", "ISO_IR 100"));
  const label = terms.map((one) => ENCODINGS[one]).find(Boolean) ?? "iso-8859-1";
  return new TextDecoder(label);
}

/** The dataset up to the pixels, and where the pixels lie in the file. Raises CannotClean. */
async function headerOf(file) {
  for (let length = Math.min(FIRST_BYTES, file.size); ; length = Math.min(length * 8, file.size)) {
    const bytes = new Uint8Array(await file.slice(0, length).arrayBuffer());
    if (String.fromCharCode(...bytes.slice(128, 132)) !== "DICM") throw new CannotClean("It is not a DICOM file.");
    const whole = length >= file.size;
    try {
      const data = dicomParser.parseDicom(bytes, { untilTag: "x7fe00010" });
      const found = data.elements.x7fe00010;
      if (found) return { bytes, data, pixels: await pixelsOf(file, found) };
      if (whole) return { bytes, data, pixels: null };
    } catch (problem) {
      if (problem instanceof CannotClean) throw problem;
      if (whole) throw new CannotClean("Its header is damaged.");
    }
    if (whole || length >= MOST_HEADER_BYTES) throw new CannotClean("Its header is too large to be cleaned here.");
  }
}

async function pixelsOf(file, found) {
  const vr = found.vr ?? "OW";
  const start = found.dataOffset;
  if (!found.hadUndefinedLength) {
    if (start + found.length > file.size) throw new CannotClean("The file is cut off in the middle of its pixels.");
    return { vr, start, end: start + found.length, length: found.length, undefinedLength: false };
  }
  let at = start;
  for (;;) {
    const view = new DataView(await file.slice(at, at + 8).arrayBuffer());
    if (view.byteLength < 8) throw new CannotClean("The file is cut off in the middle of its pixels.");
    const tag = view.getUint16(0, true) * 65536 + view.getUint16(2, true);
    at += 8 + view.getUint32(4, true);
    if (tag === 0xfffee0dd) return { vr, start, end: at, length: 0, undefinedLength: true };
    if (tag !== 0xfffee000) throw new CannotClean("Its pixels are damaged.");
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function number32(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function padded(value, by) {
  const bytes = utf8.encode(value);
  return bytes.length % 2 ? joined([bytes, utf8.encode(by)]) : bytes;
}

/** The head of an element (PS3.5 7.1), little endian. */
function header(tag, vr, length, implicit) {
  const long = !implicit && LONG_FORM.has(vr);
  const view = new DataView(new ArrayBuffer(long ? 12 : 8));
  view.setUint16(0, tag >>> 16, true);
  view.setUint16(2, tag & 0xffff, true);
  if (implicit) {
    view.setUint32(4, length, true);
  } else {
    view.setUint8(4, vr.charCodeAt(0));
    view.setUint8(5, vr.charCodeAt(1));
    if (long) view.setUint32(8, length, true);
    else view.setUint16(6, length, true);
  }
  return new Uint8Array(view.buffer);
}

function element(tag, vr, value, implicit) {
  return joined([header(tag, vr, value.length, implicit), value]);
}

function item(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, 0xfffe, true);
  view.setUint16(2, 0xe000, true);
  view.setUint32(4, value.length, true);
  return joined([new Uint8Array(view.buffer), value]);
}
