// Beside each value: what it was at the time point before, and by how much it moved.
import { valueAt } from "./answers.js";
import { comparison, priorName } from "./compare.js";
import { html } from "./html.js";

/**
 * What a value was before. One that is open now can be taken over as it was by a click. What did not
 * change is not said in an amendment, where it is the rule, nor in a `terse` place.
 */
export function Was({ store, field, value, terse = false }) {
  const { prior, amendment } = store.state;
  const before = prior && valueAt(prior.answers, field.pointer);
  const found = prior && comparison(field, before, value);
  if (!found || (found.kind === "same" && (terse || amendment))) {
    return null;
  }
  const title = `${field.label}, ${priorName(prior)}`;
  if (found.kind === "gone" && store.mayWrite) {
    return html`<button
      type="button"
      class="mgn-was mgn-was-gone mgn-link"
      title=${`${title}: take it over`}
      data-was=${field.pointer}
      onClick=${() => store.edit(field.pointer, before)}
    >
      ${found.text}
    </button>`;
  }
  return html`<span class=${`mgn-was mgn-was-${found.kind}`} title=${title} data-was=${field.pointer}>
    ${found.text}
  </span>`;
}
