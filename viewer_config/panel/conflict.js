// The same annotation was saved from another window. Nothing is thrown away before it is seen.
import { evidenceWords, subjectOf } from "./evidence.js";
import { html } from "./html.js";
import { namesIn, pointerTo } from "./model.js";

/** The labels on the way to a field: "Superior mesenteric artery, Contact". */
export function pathWords(model, pointer) {
  const subject = subjectOf(pointer);
  if (subject) {
    return `${pathWords(model, subject)}, seen on`;
  }
  const words = [];
  namesIn(pointer).reduce((above, name) => {
    const here = pointerTo(above, name);
    const field = model.at.get(here);
    if (field && field.kind !== "vessels") {
      words.push(field.label);
    }
    return here;
  }, "");
  return words.join(", ") || pointer;
}

export function valueWords(model, pointer, value) {
  if (value === undefined) {
    return "not answered";
  }
  if (subjectOf(pointer)) {
    return evidenceWords(value);
  }
  const field = model.at.get(pointer);
  const options = [...(field?.allOptions ?? []), ...(field?.words ?? [])];
  const word = (one) => options.find((option) => option.value === one)?.label ?? String(one);
  return Array.isArray(value) ? value.map(word).join(", ") : `${word(value)}${typeof value === "number" ? (field?.unitText ?? "") : ""}`;
}

function Changes({ model, changes }) {
  return html`
    <ul class="mgn-changes">
      ${changes.map(
        ({ pointer, to }) =>
          html`<li>${pathWords(model, pointer)}: <b>${valueWords(model, pointer, to)}</b></li>`,
      )}
    </ul>
  `;
}

export function Conflict({ store }) {
  const { conflict, model } = store.state;
  if (!conflict) {
    return null;
  }
  const count = conflict.mine.length;
  return html`
    <section class="mgn-notice mgn-notice-bad" role="alert">
      <h2>Changed in another window</h2>
      <p>
        Somebody, perhaps you on another device, saved this annotation after it was opened here.
        ${count > 0 ? " Not saved yet from here:" : " Nothing entered here is lost by loading it."}
      </p>
      <${Changes} model=${model} changes=${conflict.mine} />
      <button
        type="button"
        class="mgn-action"
        onClick=${() => store.resolveConflict({ keepMine: true })}
      >
        ${count > 0 ? "Load the other version and keep my changes" : "Load the other version"}
      </button>
      ${count > 0 &&
      html`<button
        type="button"
        class="mgn-link"
        onClick=${() => store.resolveConflict({ keepMine: false })}
      >
        Load the other version, drop my changes
      </button>`}
    </section>
  `;
}

/** Signed elsewhere while something was unsaved here: it is shown, because it cannot be saved. */
export function Unsent({ store }) {
  const { unsent, model } = store.state;
  if (!unsent || unsent.length === 0) {
    return null;
  }
  return html`
    <section class="mgn-notice mgn-notice-bad" role="alert">
      <h2>Signed before this was saved</h2>
      <p>The signed revision is final. Entered here, and not part of it:</p>
      <${Changes} model=${model} changes=${unsent} />
    </section>
  `;
}
