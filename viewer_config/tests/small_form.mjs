// A form small enough to read, in the vocabulary of docs/organs/README.md. Not an organ.
const contact = {
  oneOf: [{ type: "integer", minimum: 0, maximum: 360 }, { enum: ["not_assessed", "not_visible"] }],
  "x-margin": {
    label: "Contact",
    widget: "contact-clock",
    unit_text: "°",
    order: 1,
    step: 5,
    marks_deg: [90, 180, 270],
    choices: { not_assessed: "not assessed", not_visible: "not visible" },
  },
};

const vessel = (label, section, order) => ({
  type: "object",
  properties: {
    note: { type: "string", "x-margin": { label: "Note", widget: "text", order: 9, rows: 1 } },
    contact_deg: contact,
    kind: {
      enum: ["clear", "solid"],
      "x-margin": {
        label: "Kind",
        widget: "choice",
        order: 2,
        when: { field: "contact_deg", is: "number" },
        assessed_default: { if_zero: "clear", else: "solid" },
      },
    },
    extent: {
      type: "array",
      items: { enum: ["a", "b"] },
      "x-margin": {
        label: "Extent",
        widget: "list",
        order: 3,
        when: { field: "contact_deg", is: "above_zero" },
        assessed_default: [],
      },
    },
    legacy: { type: "boolean", "x-margin": { label: "Legacy", widget: "hidden", order: 4 } },
  },
  "x-margin": {
    label,
    short: label.slice(0, 3),
    widget: "vessel",
    section,
    order,
    quick: [{ label: "Clear", value: { contact_deg: 0, kind: "clear" } }],
  },
});

const volume = (label, order, fillFrom) => ({
  type: "number",
  "x-margin": { label, widget: "number", unit_text: "mL", order, section: "volumes", fill_from: fillFrom },
});

export const FORM = {
  type: "object",
  "x-margin": {
    label: "Example",
    sections: [
      { id: "first", title: "First" },
      { id: "inner", title: "Inner" },
      { id: "outer", title: "Outer" },
      { id: "volumes", title: "Volumes" },
    ],
  },
  properties: {
    verdict: {
      enum: ["yes_now", "later"],
      "x-margin": {
        label: "Verdict",
        widget: "choice",
        order: 2,
        section: "first",
        choices: { yes_now: "Yes, now", later: "Later" },
        offer: ["later"],
      },
    },
    grade: {
      type: "integer",
      minimum: 0,
      maximum: 3,
      "x-margin": { label: "Grade", widget: "choice", order: 1, section: "first" },
    },
    advice: {
      type: "object",
      properties: {
        text: { type: "string", "x-margin": { label: "Text", widget: "text", order: 1, rows: 3 } },
      },
      "x-margin": { label: "Advice", widget: "group", order: 3, section: "first" },
    },
    vessels: {
      type: "object",
      properties: { outside: vessel("Outside", "outer", 2), inside: vessel("Inside", "inner", 1) },
      "x-margin": {
        label: "Vessels",
        widget: "vessels",
        section: "inner",
        quick_rest: [{ label: "All others not assessed", value: { contact_deg: "not_assessed" } }],
      },
    },
    flr_ml: volume("FLR", 1, "flr_ml"),
    flr_source: {
      type: "string",
      "x-margin": { label: "From", widget: "hidden", section: "volumes", fill_from: "id" },
    },
  },
};
