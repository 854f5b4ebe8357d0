// One control per widget of docs/organs/README.md. Each takes its field, its value and what to
// do with a new one; undefined means "not answered".
import { numberFrom } from "./answers.js";
import { html, useState } from "./html.js";
import { Was } from "./prior.js";
import { Recorded } from "./recorded.js";
import { Bind, SeenOn } from "./seen.js";
import { problemAt } from "./state.js";

const SEGMENTED_MOST_OPTIONS = 5;
const SEGMENTED_MOST_LETTERS = 40;
// Longer ones would be cut off in a list that stands beside its label.
const BESIDE_MOST_LETTERS = 22;
const CHIP_MOST_LETTERS = 6;
const OPEN_MOST_TICKS = 6;

export const idOf = (pointer) => `mgn${pointer.replaceAll("/", "-")}`;

const TRUST_WORDS = {
  general_knowledge: "not verified",
  derived: "derived",
  unpublished: "unpublished",
};

export function TrustMark({ trust }) {
  const words = TRUST_WORDS[trust];
  return words ? html`<span class="mgn-trust">${words}</span>` : null;
}

function Clear({ field, value, onChange, disabled }) {
  if (value === undefined || disabled) {
    return null;
  }
  return html`<button
    type="button"
    class="mgn-clear"
    aria-label=${`${field.label}: back to not answered`}
    title="Back to not answered"
    onClick=${() => onChange(undefined)}
  >
    ×
  </button>`;
}

function Segmented({ field, options, value, onChange, described, disabled, upright }) {
  return html`
    <div class=${upright ? "mgn-upright" : "mgn-segmented"} role="radiogroup" ...${described}>
      ${options.map(
        (option) => html`
          <label class=${`mgn-option ${option.value === value ? "mgn-chosen" : ""}`}>
            <input
              type="radio"
              name=${idOf(field.pointer)}
              checked=${option.value === value}
              disabled=${disabled}
              onChange=${() => onChange(option.value)}
            />
            <span>${option.label}</span>
          </label>
        `,
      )}
    </div>
  `;
}

function Menu({ field, options, value, onChange, described, disabled }) {
  const chosen = options.findIndex((option) => option.value === value);
  const pick = (event) => onChange(options[Number(event.currentTarget.value)]?.value);
  return html`
    <select
      id=${idOf(field.pointer)}
      class=${chosen < 0 ? "mgn-open" : ""}
      disabled=${disabled}
      onChange=${pick}
      ...${described}
    >
      <option value="-1" selected=${chosen < 0}>not answered</option>
      ${options.map(
        (option, index) =>
          html`<option value=${index} selected=${index === chosen}>${option.label}</option>`,
      )}
    </select>
  `;
}

/** The values offered, and the one chosen even where it is no longer offered. */
function offered(field, value) {
  const known = field.options.some((option) => option.value === value);
  const chosen = field.allOptions.find((option) => option.value === value);
  return known || !chosen ? field.options : [...field.options, chosen];
}

/** Whether these options stand beside each other as buttons, and not in a list. */
function areButtons(options) {
  const letters = options.reduce((total, option) => total + option.label.length, 0);
  return options.length <= SEGMENTED_MOST_OPTIONS && letters <= SEGMENTED_MOST_LETTERS;
}

/** Whether a field's answers are a list too wide to stand beside its label. */
const isWideMenu = ({ kind, options }) =>
  kind === "choice" &&
  !areButtons(options) &&
  options.some((option) => option.label.length > BESIDE_MOST_LETTERS);

function Choice(props) {
  const { field, value } = props;
  const options = offered(field, value);
  return areButtons(options) || props.upright
    ? html`<${Segmented} ...${props} options=${options} />`
    : html`<${Menu} ...${props} options=${options} />`;
}

function YesNo(props) {
  const options = [
    { value: true, label: "yes" },
    { value: false, label: "no" },
    ...props.field.words,
  ];
  return html`<${Segmented} ...${props} options=${options} />`;
}

/**
 * A number as typed. What cannot be read stays in the box, with the reason beside it: the store
 * keeps that text in `unreadable`, so that it survives a change of tab.
 */
export function NumberBox({ field, value, unreadable, onChange, onUnreadable, described, disabled }) {
  const [draft, setDraft] = useState(null);
  const type = (event) => {
    const text = event.currentTarget.value;
    const read = numberFrom(text, field.unitText);
    setDraft(text);
    if (read.problem) {
      onUnreadable(text, read.problem);
    } else {
      onChange(read.value);
    }
  };
  const current = draft !== null && numberFrom(draft, field.unitText).value === value;
  const settled = typeof value === "number" ? String(value) : "";
  return html`
    <span class="mgn-number">
      <input
        id=${idOf(field.pointer)}
        type="text"
        inputmode="decimal"
        autocomplete="off"
        value=${unreadable?.text ?? (current ? draft : settled)}
        placeholder=${field.example}
        disabled=${disabled}
        onInput=${type}
        onBlur=${() => setDraft(null)}
        ...${described}
      />
      ${field.unitText && html`<span class="mgn-unit">${field.unitText}</span>`}
    </span>
  `;
}

const textOrNothing = (text) => (text.trim() === "" ? undefined : text);

function TextBox({ field, value, onChange, described, disabled }) {
  const common = {
    id: idOf(field.pointer),
    value: value ?? "",
    placeholder: field.example,
    disabled,
    onInput: (event) => onChange(textOrNothing(event.currentTarget.value)),
    ...described,
  };
  return field.rows > 1
    ? html`<textarea rows=${field.rows} ...${common}></textarea>`
    : html`<input type="text" autocomplete="off" ...${common} />`;
}

function DateBox(props) {
  const example = props.field.example || "YYYY-MM-DD";
  return html`<${TextBox} ...${props} field=${{ ...props.field, rows: 1, example }} />`;
}

function Ticks({ field, value, onChange, described, disabled }) {
  const chosen = value ?? [];
  const isOffered = (option) => field.options.some((one) => one.value === option.value);
  const extra = field.allOptions.filter((one) => chosen.includes(one.value) && !isOffered(one));
  const options = [...field.options, ...extra];
  const short = options.every((option) => option.label.length <= CHIP_MOST_LETTERS);
  const toggle = (option, on) => {
    const rest = chosen.filter((one) => one !== option.value);
    const next = on ? [...rest, option.value] : rest;
    const sorted = options.map((one) => one.value).filter((one) => next.includes(one));
    onChange(sorted.length > 0 ? sorted : undefined);
  };
  const boxes = html`
    <div class=${short ? "mgn-chips" : "mgn-ticks"} role="group" ...${described}>
      ${options.map(
        (option) => html`
          <label class=${`mgn-option ${chosen.includes(option.value) ? "mgn-chosen" : ""}`}>
            <input
              type="checkbox"
              checked=${chosen.includes(option.value)}
              disabled=${disabled}
              onChange=${(event) => toggle(option, event.currentTarget.checked)}
            />
            <span>${option.label}</span>
          </label>
        `,
      )}
    </div>
  `;
  if (short || options.length <= OPEN_MOST_TICKS) {
    return boxes;
  }
  const words = options.filter((one) => chosen.includes(one.value)).map((one) => one.label);
  return html`<details class="mgn-more">
    <summary>${words.join("; ") || "none chosen"}</summary>
    ${boxes}
  </details>`;
}

function Lines({ field, value, onChange, described, disabled }) {
  const [draft, setDraft] = useState(null);
  const stored = (value ?? []).join("\n");
  const type = (event) => {
    const text = event.currentTarget.value;
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    setDraft(text);
    onChange(lines.length > 0 ? lines : undefined);
  };
  return html`<textarea
    id=${idOf(field.pointer)}
    rows="2"
    placeholder="one per line"
    value=${draft ?? stored}
    disabled=${disabled}
    onInput=${type}
    onBlur=${() => setDraft(null)}
    ...${described}
  ></textarea>`;
}

const CONTROLS = {
  choice: Choice,
  "yes-no": YesNo,
  number: NumberBox,
  text: TextBox,
  date: DateBox,
  ticks: Ticks,
  lines: Lines,
};

const BINDABLE = new Set(["choice", "yes-no", "number", "ticks"]);
const LABELLED_BY_ID = new Set(["number", "text", "date", "lines"]);

export function Problem({ id, text }) {
  return text ? html`<p id=${id} class="mgn-problem" role="alert">${text}</p>` : null;
}

/** What ties a control to its label, its help and the message that stands at it. */
export function describe(field, problem, label = field.label) {
  const id = idOf(field.pointer);
  const ids = [problem && `${id}-problem`, field.help && `${id}-help`].filter(Boolean);
  return {
    "aria-label": label,
    "aria-describedby": ids.join(" ") || undefined,
    "aria-invalid": problem ? "true" : undefined,
    "data-pointer": field.pointer,
  };
}

/** A "?" that shows and hides the help; the text is on the page either way, for `describe`. */
export function HelpButton({ field, shown, onToggle }) {
  return field.help
    ? html`<button
        type="button"
        class="mgn-help-button"
        aria-label=${`About: ${field.label}`}
        aria-expanded=${shown}
        title=${field.help}
        onClick=${onToggle}
      >
        ?
      </button>`
    : null;
}

export function HelpText({ field, shown }) {
  return field.help
    ? html`<p id=${`${idOf(field.pointer)}-help`} class="mgn-help" hidden=${!shown}>${field.help}</p>`
    : null;
}

/** Why a field that may usually stay empty is needed here, as the server says it; or null. */
function askedAt({ toSign }, field) {
  const found = field.sign !== "required" && toSign.find((one) => one.pointer === field.pointer);
  return found ? found.message : null;
}

/** A labelled field with its control, help and problem. */
export function Field({ store, field, value, stacked = false, upright = false }) {
  const [helping, setHelping] = useState(false);
  const problem = problemAt(store.state, field.pointer);
  const Control = CONTROLS[field.kind];
  if (!Control) {
    return null;
  }
  const id = idOf(field.pointer);
  const disabled = !store.mayWrite;
  const change = (next) => store.edit(field.pointer, next);
  const caption = html`${field.label}<${TrustMark} trust=${field.trust} />`;
  const wide =
    stacked || upright || ["text", "lines", "ticks"].includes(field.kind) || isWideMenu(field);
  const asked = askedAt(store.state, field);
  return html`
    <div class=${`mgn-field ${wide ? "mgn-stacked" : ""} ${problem ? "mgn-refused" : ""}`}>
      <div class="mgn-caption">
        ${LABELLED_BY_ID.has(field.kind)
          ? html`<label for=${id}>${caption}</label>`
          : html`<span>${caption}</span>`}
        ${!upright &&
        html`<${HelpButton}
          field=${field}
          shown=${helping}
          onToggle=${() => setHelping(!helping)}
        />`}
        ${(asked || (field.sign === "required" && value === undefined)) &&
        html`<${NeededMark} />`}
      </div>
      ${asked && html`<p class="mgn-asked" role="status">${asked}</p>`}
      <${HelpText} field=${field} shown=${helping || upright} />
      <div class="mgn-control">
        <${Control}
          field=${field}
          value=${value}
          disabled=${disabled}
          upright=${upright}
          described=${describe(field, problem)}
          onChange=${change}
          unreadable=${store.state.unreadable.get(field.pointer)}
          onUnreadable=${(text, problem) => store.reportUnreadable(field.pointer, text, problem)}
        />
        ${["choice", "yes-no"].includes(field.kind) &&
        html`<${Clear} field=${field} value=${value} onChange=${change} disabled=${disabled} />`}
        ${BINDABLE.has(field.kind) &&
        html`<${Bind} store=${store} field=${field} value=${value} />`}
      </div>
      <${Was} store=${store} field=${field} value=${value} />
      <${Recorded} store=${store} field=${field} value=${value} />
      <${SeenOn} store=${store} field=${field} value=${value} />
      <${Problem} id=${`${id}-problem`} text=${problem} />
    </div>
  `;
}

export function NeededMark() {
  return html`<span class="mgn-needed" title="Needed before signing">needed</span>`;
}
