// Vessel by vessel: a folded row says what was found, an open one lets it be changed.
import { stateOf } from "./angles.js";
import { defaultFor, valueAt } from "./answers.js";
import { ClockFace, MiniClock } from "./clock.js";
import { Field, HelpButton, HelpText, NumberBox, Problem, describe, idOf } from "./fields.js";
import { html, useState } from "./html.js";
import { problemAt, shownChildren } from "./store.js";

const CONTACT = "contact-clock";

const contactOf = (vessel) => vessel.children.find((child) => child.kind === CONTACT);

/** The contact in words; each of the four states has its own, and none reads like another. */
export function contactWords(field, value) {
  if (value === undefined) {
    return "not answered";
  }
  if (typeof value === "number") {
    return value === 0 ? "none" : `${value}${field.unitText}`;
  }
  return field.words.find((word) => word.value === value)?.label ?? String(value);
}

const labelFor = (field, value) =>
  field.allOptions.find((option) => option.value === value)?.label ?? String(value);

function remark(child, value) {
  const name = child.short.toLowerCase();
  if (Array.isArray(value)) {
    return `${name}: ${value.map((one) => labelFor(child, one)).join(", ")}`;
  }
  if (typeof value === "boolean") {
    return value ? name : `not ${name}`;
  }
  return child.kind === "text" ? value : `${name}: ${labelFor(child, value)}`;
}

/** What a folded row still has to say: every answer that is not the one written by default. */
function remarks(vessel, answers) {
  return shownChildren(vessel, answers)
    .filter((child) => child.kind !== CONTACT && answers?.[child.name] !== undefined)
    .filter((child) => {
      const usual = JSON.stringify(defaultFor(child, answers));
      return JSON.stringify(answers[child.name]) !== usual;
    })
    .map((child) => remark(child, answers[child.name]));
}

function ContactEditor({ store, vessel, field, value }) {
  const [helping, setHelping] = useState(false);
  const problem = problemAt(store.state, field.pointer);
  const disabled = !store.mayWrite;
  const set = (next) => store.edit(field.pointer, next);
  const id = idOf(field.pointer);
  const amounts = [
    { value: 0, label: "none" },
    ...[...field.marks, field.maximum].map((mark) => ({
      value: mark,
      label: `${mark}${field.unitText}`,
    })),
  ];
  const button = (option, wide) => html`
    <button
      type="button"
      class=${`mgn-pick ${wide ? "mgn-pick-wide" : ""}`}
      aria-pressed=${value === option.value}
      disabled=${disabled}
      onClick=${() => set(option.value)}
    >
      ${option.label}
    </button>
  `;
  return html`
    <div class=${`mgn-contact ${problem ? "mgn-refused" : ""}`}>
      <${ClockFace}
        field=${field}
        value=${value}
        words=${contactWords(field, value)}
        label=${vessel.label}
        disabled=${disabled}
        onChange=${set}
      />
      <div class="mgn-contact-side">
        <div class="mgn-contact-typed">
          <label for=${id}>${field.label}</label>
          <${NumberBox}
            field=${field}
            value=${value}
            disabled=${disabled}
            described=${describe(field, problem, `${vessel.label}: ${field.label}`)}
            onChange=${set}
            unreadable=${store.state.unreadable.get(field.pointer)}
            onUnreadable=${(text, why) => store.reportUnreadable(field.pointer, text, why)}
          />
          <${HelpButton}
            field=${field}
            shown=${helping}
            onToggle=${() => setHelping(!helping)}
          />
        </div>
        <div class="mgn-picks">${amounts.map((option) => button(option, false))}</div>
        <div class="mgn-picks">${field.words.map((option) => button(option, true))}</div>
      </div>
      <${Problem} id=${`${id}-problem`} text=${problem} />
      <${HelpText} field=${field} shown=${helping} />
    </div>
  `;
}

function OpenVessel({ store, vessel, answers }) {
  const contact = contactOf(vessel);
  return html`
    <div class="mgn-vessel-body">
      ${shownChildren(vessel, answers).map((child) =>
        child === contact
          ? html`<${ContactEditor}
              key=${child.pointer}
              store=${store}
              vessel=${vessel}
              field=${child}
              value=${answers?.[child.name]}
            />`
          : html`<${Field}
              key=${child.pointer}
              store=${store}
              field=${child}
              value=${answers?.[child.name]}
            />`,
      )}
      ${answers &&
      store.mayWrite &&
      html`<button
        type="button"
        class="mgn-link"
        onClick=${() => store.replace(vessel.pointer, undefined, `${vessel.short} cleared`)}
      >
        Back to not answered
      </button>`}
    </div>
  `;
}

function QuickButtons({ store, vessel }) {
  return html`
    <span class="mgn-quick">
      ${vessel.quick.map(
        (quick) => html`
          <button
            type="button"
            class="mgn-pick"
            aria-label=${`${vessel.label}: ${quick.label}`}
            onClick=${() =>
              store.replace(vessel.pointer, quick.value, `${vessel.short}: ${quick.label}`)}
          >
            ${quick.label}
          </button>
        `,
      )}
    </span>
  `;
}

/** One vessel. `open` is kept above, so that a link to a field can open its row. */
export function Vessel({ store, vessel, open, onToggle }) {
  const answers = valueAt(store.state.answers, vessel.pointer);
  const contact = contactOf(vessel);
  const value = contact ? answers?.[contact.name] : undefined;
  const state = stateOf(value);
  const problems = [...store.state.refused.keys(), ...store.state.unreadable.keys()];
  const refused = problems.some(
    (pointer) => pointer === vessel.pointer || pointer.startsWith(`${vessel.pointer}/`),
  );
  const notes = remarks(vessel, answers);
  return html`
    <li class=${`mgn-vessel mgn-vessel-${state} ${refused ? "mgn-refused" : ""}`}>
      <div class="mgn-row">
        <button
          type="button"
          class="mgn-row-button"
          aria-expanded=${open}
          title=${vessel.label}
          data-vessel=${vessel.pointer}
          onClick=${onToggle}
        >
          <span class="mgn-chevron" aria-hidden="true">${open ? "▾" : "▸"}</span>
          <${MiniClock} value=${value} />
          <span class="mgn-row-name">${open ? vessel.label : vessel.short}</span>
          ${!open &&
          html`<span class="mgn-row-value">
            ${contact ? contactWords(contact, value) : ""}${refused ? " · refused" : ""}
          </span>`}
        </button>
        ${!open && state === "unanswered" && store.mayWrite
          ? html`<${QuickButtons} store=${store} vessel=${vessel} />`
          : null}
      </div>
      ${!open &&
      notes.length > 0 &&
      html`<p class="mgn-remarks">${notes.join(" · ")}</p>`}
      <${Problem} id=${`${idOf(vessel.pointer)}-problem`} text=${problemAt(store.state, vessel.pointer)} />
      ${open && html`<${OpenVessel} store=${store} vessel=${vessel} answers=${answers} />`}
    </li>
  `;
}
