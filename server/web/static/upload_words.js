// Which words of a description may stay: the server's vocabulary, read from its rules.

const fold = (word) => word.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

export class Words {
  constructor(rules) {
    this.words = new Set(rules.words);
    this.terms = new Set(rules.terms);
    this.most = rules.most_bare_numbers;
    const whole = (name) => new RegExp(`^(?:${rules.patterns[name]})$`, "u");
    this.number = whole("number");
    this.measured = [this.number, whole("measure"), whole("kernel"), whole("roman")];
    this.pieces = new RegExp(rules.patterns.pieces);
  }

  isKnown(word) {
    const folded = fold(word).replace(/\.+$/, "");
    return this.words.has(folded) || this.measured.some((pattern) => pattern.test(folded));
  }

  split(text) {
    return text.split(this.pieces).filter(Boolean);
  }

  bare(pieces) {
    return pieces.filter((piece) => this.number.test(piece)).length;
  }

  /** The text without the words that are not known; "" when nothing is left. */
  cleaned(text) {
    let kept = [];
    let dropped = false;
    for (const chunk of text.slice(0, 1024).split(/\s+/).filter(Boolean)) {
      const pieces = this.split(chunk);
      const known = pieces.filter((piece) => this.isKnown(piece));
      const whole = known.length === pieces.length;
      dropped ||= !whole;
      if (whole && known.length && this.bare(known) <= this.most) kept.push(chunk);
      else kept.push(...known);
    }
    // Then a letter by itself may be an initial.
    if (dropped) kept = kept.filter((word) => word.replace(/\.+$/, "").length > 1 || /^[0-9]$/.test(word));
    return this.withoutDates(kept).join(" ");
  }

  /** The words without runs of three and more bare numbers. */
  withoutDates(words) {
    const found = [];
    let run = [];
    for (const word of [...words, ""]) {
      if (this.number.test(word)) {
        run.push(word);
        continue;
      }
      if (run.length <= this.most) found.push(...run);
      run = [];
      if (word) found.push(word);
    }
    return found;
  }

  staysWhole(text) {
    return this.cleaned(text) === text.split(/\s+/).filter(Boolean).join(" ");
  }

  isTerm(value) {
    if (value === "00" || value === "01") return true;
    const pieces = this.split(value);
    if (!pieces.length || value.length > 64 || this.bare(pieces) > this.most) return false;
    return this.terms.has(fold(value)) || pieces.every((piece) => this.isKnown(piece));
  }
}
