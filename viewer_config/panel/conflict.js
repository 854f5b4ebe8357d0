// The same annotation was saved from another window. Nothing is thrown away before it is seen.
import { clashWords, pathWords, valueWords } from "./changed.js";
import { html } from "./html.js";

/** `there` are the answers of the other version, where there is one. */
function Changes({ model, changes, there }) {
  return html`
    <ul class="mgn-changes">
      ${changes.map((change) => {
        const clash = there ? clashWords(model, change, there) : "";
        return html`<li>
          ${pathWords(model, change.pointer)}: <b>${valueWords(model, change.pointer, change.to)}</b>
          ${clash && html`<span class="mgn-clash"> (${clash})</span>`}
        </li>`;
      })}
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
      <${Changes} model=${model} changes=${conflict.mine} there=${conflict.current.answers} />
      <button
        type="button"
        class="mgn-action"
        onClick=${() => store.saving.resolveConflict({ keepMine: true })}
      >
        ${count > 0 ? "Load the other version and keep my changes" : "Load the other version"}
      </button>
      ${count > 0 &&
      html`<button
        type="button"
        class="mgn-link"
        onClick=${() => store.saving.resolveConflict({ keepMine: false })}
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
