// What the box of uploads says, in the language of its page: every sentence stands here in English, and the
// form brings what it is in another language. What has no translation stays English.

let terms = {};
let phrases = [];
let language = "en";

/** Take the words that the page brings; a page in English brings none. */
export function speak(form) {
  const words = JSON.parse(form.dataset.words || "{}");
  language = form.dataset.language || "en";
  terms = words.terms ?? {};
  phrases = (words.phrases ?? []).map(([pattern, said]) => [new RegExp(`^(?:${pattern})$`), said.replaceAll(/\\(\d)/g, "$$$1")]);
}

export const spoken = () => language;

/** One sentence, with its values put in by name. */
export function say(english, values = {}) {
  return (terms[english] ?? english).replaceAll(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}

/** What the server said in English: as a whole, or sentence by sentence. */
export function said(text) {
  const whole = translated(text);
  if (whole !== text) return whole;
  return text.split(/(?<=[.:?]) (?=[A-Z])/).map(translated).join(" ").replaceAll(/(?<=[。：？]) /g, "");
}

function translated(text) {
  if (terms[text]) return terms[text];
  const [pattern, instead] = phrases.find(([one]) => one.test(text)) ?? [];
  return pattern ? text.replace(pattern, instead) : text;
}

/** A number of which every reader makes the same: its thousands apart, by a narrow space but in English. */
export function number(value, digits = 0) {
  const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (language === "en") return text;
  const grouped = text.replaceAll(",", "\u202f");
  return language === "de" || language === "es" ? grouped.replace(".", ",") : grouped;
}

/** A number with its noun: `1 file`, `3 files`. */
export const count = (value, one, many = `${one}s`) => say(`{number} ${value === 1 ? one : many}`, { number: number(value) });
