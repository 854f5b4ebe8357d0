// What one set's evaluation comes to in a line. Pure.

const shown = (number) => String(Math.round(number * 1000) / 1000);

/** A score as "12 points" or "6 to 40 points"; empty where the category says as much. */
export function scoreWords({ score, category_label: category }) {
  if (!score) {
    return "";
  }
  const number = score.value ?? `${shown(score.least)} to ${shown(score.most)}`;
  const text = typeof number === "number" ? shown(number) : number;
  const words = [text, score.unit].filter(Boolean).join(" ");
  return category?.startsWith(words) ? "" : words;
}

/** "decided" for a category, "open" for an interval, "silent" for neither. */
export function kindOf({ category_label: category, interval_label: interval }) {
  return category ? "decided" : interval ? "open" : "silent";
}

/** The trust marks a folded card shows: none where a rule that carries the category is sourced. */
export function marksOf(fired) {
  const trusts = [...new Set(fired.map((rule) => rule.trust))];
  return trusts.includes("sourced") ? [] : trusts;
}
