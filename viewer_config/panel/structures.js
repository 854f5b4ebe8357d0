// Vessel by vessel: a folded row says what was found, an open one lets it be changed.
import { meaningOf, stateOf } from "./angles.js";
import { defaultFor, valueAt } from "./answers.js";
import { ClockFace, MiniClock } from "./clock.js";
import { Field, HelpButton, HelpText, NumberBox, Problem, describe, idOf } from "./fields.js";
import { html, useRef, useState } from "./html.js";
import { Was } from "./prior.js";
import { Bind, SeenOn } from "./seen.js";
import { problemAt, shownChildren } from "./state.js";

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

function ContactEditor({ store, vessel, field, value, onMove }) {
  const side = useRef(null);
  const [helping, setHelping] = useState(false);
  const problem = problemAt(store.state, field.pointer);
  const disabled = !store.mayWrite;
  const set = (next) => store.edit(field.pointer, next);
  const take = (event) => {
    const meant = meaningOf(event, field.keys);
    if (meant?.digit) {
      // The key goes on to the box that has the focus now, in place of what stood there.
      const box = side.current.querySelector("input");
      box.focus();
      box.select();
      return true;
    }
    if (meant) {
      event.preventDefault();
      if ("value" in meant) {
        set(meant.value);
      }
      onMove(meant.move ?? 1);
    }
    return Boolean(meant);
  };
  const leave = (event) => {
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      onMove(event.shiftKey ? -1 : 1);
    }
  };
  const id = idOf(field.pointer);
  const amounts = [
    { value: 0, label: "none" },
    ...[...field.marks, field.maximum].map((mark) => ({
      value: mark,
      label: `${mark}${field.unitText}`,
    })),
  ];
  const letterFor = (option) => [...field.keys].find(([, meant]) => meant === option.value)?.[0];
  const button = (option, wide) => html`
    <button
      type="button"
      title=${letterFor(option) && `Key ${letterFor(option)}, and on to the next`}
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
        onKey=${take}
      />
      <div class="mgn-contact-side" ref=${side} onKeyDown=${leave}>
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
        <div class="mgn-picks">
          ${field.words.map((option) => button(option, true))}
          <${Bind} store=${store} field=${field} value=${value} label=${vessel.label} drawing />
        </div>
      </div>
      <${Was} store=${store} field=${field} value=${value} />
      <${SeenOn} store=${store} field=${field} value=${value} />
      <${Problem} id=${`${id}-problem`} text=${problem} />
      <${HelpText} field=${field} shown=${helping} />
    </div>
  `;
}

function OpenVessel({ store, vessel, answers, onMove }) {
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
              onMove=${onMove}
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

/** Keys on a folded row: the form's letters answer it, digits begin a number, arrows walk. */
function keysOfRow({ store, contact, open, onMove, onBegin }) {
  return (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      onMove(step, { walking: true });
      return;
    }
    const meant = !contact || open || !store.mayWrite ? null : meaningOf(event, contact.keys);
    if (!meant || meant.move) {
      return;
    }
    event.preventDefault();
    if (meant.digit) {
      store.edit(contact.pointer, Number(meant.digit));
      onBegin();
    } else {
      store.edit(contact.pointer, meant.value);
      onMove(1, { walking: true });
    }
  };
}

/**
 * One vessel. `open` is kept above, so that a link to a field can open its row; `onMove` goes to
 * the next vessel or the one before, `onBegin` to this one's number.
 */
export function Vessel({ store, vessel, open, onToggle, onMove, onBegin }) {
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
          onKeyDown=${keysOfRow({ store, contact, open, onMove, onBegin })}
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
      ${!open && contact && html`<${Was} store=${store} field=${contact} value=${value} terse />`}
      ${!open && contact && html`<${SeenOn} store=${store} field=${contact} value=${value} />`}
      ${open &&
      html`<${OpenVessel} store=${store} vessel=${vessel} answers=${answers} onMove=${onMove} />`}
    </li>
  `;
}
