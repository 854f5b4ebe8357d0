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

/** The sets whose category is not the one most sets give; of equally frequent ones the first counts. */
export function apartFrom(evaluations) {
  const decided = evaluations.filter((one) => one.category);
  const times = (category) => decided.filter((one) => one.category === category).length;
  const most = decided.reduce(
    (best, { category }) => (best === null || times(category) > times(best) ? category : best),
    null,
  );
  return new Set(decided.filter((one) => one.category !== most).map((one) => one.ruleset));
}

/** The trust marks a folded card shows: none where a rule that carries the category is sourced. */
export function marksOf(fired) {
  const trusts = [...new Set(fired.map((rule) => rule.trust))];
  return trusts.includes("sourced") ? [] : trusts;
}
