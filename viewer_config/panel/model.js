// From an organ's unfolded JSON Schema to what the panel draws: sections, fields, vessels.
// The vocabulary is that of docs/organs/README.md. Pure: no page, no network, no medicine.

const TOP = "";

export function pointerTo(parent, name) {
  return `${parent}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function namesIn(pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const byOrder = (a, b) => (a.order ?? 0) - (b.order ?? 0);

function optionsOf(values, hints) {
  const shown = hints.offer ?? values;
  const words = hints.choices ?? {};
  const option = (value) => ({ value, label: words[String(value)] ?? String(value) });
  return { offered: shown.map(option), all: values.map(option) };
}

function wholeNumbers(from, to) {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function valuesOf(schema) {
  if (schema.enum) {
    return schema.enum;
  }
  if (schema.type === "integer" && "minimum" in schema && "maximum" in schema) {
    return wholeNumbers(schema.minimum, schema.maximum);
  }
  return [];
}

// `oneOf: [<number or boolean>, {enum}]`: the first is measured, the second said in words.
function partsOf(schema) {
  const measured = schema.oneOf?.find((part) => part.type) ?? schema;
  const words = schema.oneOf?.find((part) => part.enum)?.enum ?? [];
  return { measured, words };
}

function isNumeric(schema) {
  return schema.type === "integer" || schema.type === "number";
}

// `keys`: value -> letter, turned round; the values of an object are words, ours may be numbers.
function keysOf(hints, values) {
  const letters = Object.entries(hints.keys ?? {});
  const meant = (text) => values.find((value) => String(value) === text);
  return new Map(letters.map(([text, letter]) => [letter, meant(text)]));
}

function kindOf(schema, hints) {
  if (hints.widget === "list") {
    return schema.items?.enum ? "ticks" : "lines";
  }
  return hints.widget ?? "hidden";
}

function fieldOf(name, schema, parent, inheritedSection) {
  const hints = schema["x-margin"] ?? {};
  const pointer = pointerTo(parent, name);
  const section = hints.section ?? inheritedSection;
  const { measured, words } = partsOf(schema);
  const items = schema.items ?? {};
  const listed = items.enum
    ? optionsOf(items.enum, { ...(items["x-margin"] ?? {}), ...hints })
    : optionsOf(hints.widget === "choice" ? valuesOf(schema) : [], hints);
  const children = Object.entries(schema.properties ?? {})
    .map(([child, below]) => fieldOf(child, below, pointer, section))
    .sort(byOrder);
  return {
    name,
    pointer,
    section,
    kind: kindOf(schema, hints),
    label: hints.label ?? name,
    short: hints.short ?? hints.label ?? name,
    help: hints.help ?? "",
    order: hints.order ?? 0,
    unitText: hints.unit_text ?? hints.unit ?? "",
    step: hints.step ?? 1,
    rows: hints.rows ?? 1,
    example: hints.example ?? "",
    numeric: isNumeric(measured),
    whole: measured.type === "integer",
    keys: keysOf(hints, [...(measured.enum ?? []), ...words, 0]),
    minimum: measured.minimum ?? 0,
    maximum: measured.maximum ?? 360,
    marks: hints.marks_deg ?? [],
    options: listed.offered,
    allOptions: listed.all,
    words: optionsOf(words, hints).offered,
    when: hints.when ?? null,
    assessedDefault: hints.assessed_default,
    quick: hints.quick ?? [],
    quickRest: hints.quick_rest ?? [],
    fillFrom: hints.fill_from ?? null,
    folded: hints.folded ?? false,
    sign: hints.sign ?? null,
    trust: hints.trust ?? null,
    children,
  };
}

function* everyField(fields) {
  for (const field of fields) {
    yield field;
    yield* everyField(field.children);
  }
}

/** The form: `{label, sections: [{id, title, fields, vessels}], at: Map(pointer -> field)}`. */
export function modelOf(schema) {
  const hints = schema["x-margin"] ?? {};
  const top = Object.entries(schema.properties ?? {})
    .map(([name, below]) => fieldOf(name, below, TOP, undefined))
    .sort(byOrder);
  const groups = top.filter((field) => field.kind === "vessels");
  const vessels = groups.flatMap((group) => group.children);
  const plain = top.filter((field) => field.kind !== "vessels" && field.kind !== "hidden");
  const sections = (hints.sections ?? []).map(({ id, title }) => ({
    id,
    title,
    fields: plain.filter((field) => field.section === id),
    vessels: vessels.filter((vessel) => vessel.section === id).sort(byOrder),
  }));
  const all = [...everyField(top)];
  return {
    label: hints.label ?? schema.title ?? "",
    sections,
    vessels,
    quickRest: groups.flatMap((group) => group.quickRest),
    vesselsHelp: groups[0]?.help ?? "",
    fillable: all.filter((field) => field.fillFrom),
    at: new Map(all.map((field) => [field.pointer, field])),
  };
}

/** Whether a field's `when` holds, judged on the object that holds the field. */
export function isShown(field, siblings) {
  if (field.kind === "hidden") {
    return false;
  }
  if (!field.when) {
    return true;
  }
  const value = siblings?.[field.when.field];
  if (field.when.is === "number") {
    return typeof value === "number";
  }
  if (field.when.is === "above_zero") {
    return typeof value === "number" && value > 0;
  }
  return value === field.when.is;
}

/** The known field a problem belongs to: the one named, or the nearest above it. */
export function homeOf(model, pointer) {
  const names = namesIn(pointer);
  while (names.length > 0) {
    const candidate = names.reduce(pointerTo, TOP);
    if (model.at.has(candidate)) {
      return model.at.get(candidate);
    }
    names.pop();
  }
  return null;
}

// Fewer rows than this are quicker to read one under the other; more columns do not fit.
const LEAST_ROWS = 3;
const MOST_COLUMNS = 6;

/** The columns of a table: every answer any child offers; null where a table would not do. */
export function columnsOf(children) {
  if (children.length < LEAST_ROWS || children.some((child) => child.kind !== "choice")) {
    return null;
  }
  const columns = new Map();
  children.flatMap((child) => child.options).forEach(({ value, label }) => {
    columns.set(value, columns.get(value) ?? label);
  });
  const same = children.every((child) =>
    child.options.every((option) => columns.get(option.value) === option.label),
  );
  return same && columns.size > 1 && columns.size <= MOST_COLUMNS
    ? [...columns].map(([value, label]) => ({ value, label }))
    : null;
}
