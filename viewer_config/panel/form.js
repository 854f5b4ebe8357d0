// The form: the organ's sections in their order, each with its fields and then its vessels.
import { isAnswered, isVesselAnswered, valueAt } from "./answers.js";
import { Field } from "./fields.js";
import { Group } from "./group.js";
import { html } from "./html.js";
import { RESPONSE_SECTION, Response } from "./response.js";
import { Vessel } from "./structures.js";
import { Volumes } from "./volumes.js";

const VERDICT = "/verdict";

function Plain({ store, field }) {
  if (field.kind === "group") {
    return html`<${Group} store=${store} field=${field} />`;
  }
  const value = valueAt(store.state.answers, field.pointer);
  if (field.pointer === VERDICT) {
    return html`<div class="mgn-verdict">
      <${Field} store=${store} field=${field} value=${value} upright />
    </div>`;
  }
  return html`<${Field} store=${store} field=${field} value=${value} />`;
}

function RestButtons({ store }) {
  const { model, answers } = store.state;
  const unanswered = model.vessels.filter((vessel) => !isVesselAnswered(answers, vessel)).length;
  if (unanswered === 0 || !store.mayWrite || model.quickRest.length === 0) {
    return null;
  }
  return html`
    <div class="mgn-rest">
      <p class="mgn-small">${unanswered} of ${model.vessels.length} not answered.</p>
      ${model.quickRest.map(
        (quick) => html`<button
          type="button"
          class="mgn-pick mgn-pick-wide"
          onClick=${() => store.answerRest(quick)}
        >
          ${quick.label}
        </button>`,
      )}
    </div>
  `;
}

/** How much of a section still stops signing, for its heading: `[{pointer, message}]`. */
function openIn(section, toSign) {
  const pointers = [...section.fields, ...section.vessels].map((field) => field.pointer);
  return toSign.filter(({ pointer }) =>
    pointers.some((home) => pointer === home || pointer.startsWith(`${home}/`)),
  );
}

function Section({ store, section, view, lastVessels }) {
  const folded = view.folded.has(section.id);
  const open = openIn(section, store.state.toSign).length;
  const hasVolumes = section.fields.some((field) => field.fillFrom);
  const id = `mgn-section-${section.id}`;
  return html`
    <section class="mgn-section" aria-labelledby=${id} data-section=${section.id}>
      <h2 id=${id}>
        <button type="button" aria-expanded=${!folded} onClick=${() => view.fold(section.id)}>
          <span aria-hidden="true">${folded ? "▸" : "▾"}</span> ${section.title}
          ${open > 0 && html`<span class="mgn-count">${open} open</span>`}
        </button>
      </h2>
      ${!folded &&
      html`
        <div class="mgn-section-body">
          ${hasVolumes && html`<${Volumes} store=${store} />`}
          ${section.id === RESPONSE_SECTION && html`<${Response} store=${store} />`}
          ${section.fields.map(
            (field) => html`<${Plain} key=${field.pointer} store=${store} field=${field} />`,
          )}
          ${section.vessels.length > 0 &&
          html`<ul class="mgn-vessels">
            ${section.vessels.map(
              (vessel) => html`<${Vessel}
                key=${vessel.pointer}
                store=${store}
                vessel=${vessel}
                open=${view.open.has(vessel.pointer)}
                onToggle=${() => view.toggle(vessel.pointer)}
                onMove=${(step, how) => view.move(vessel.pointer, step, how)}
                onBegin=${() => view.begin(vessel.pointer)}
              />`,
            )}
          </ul>`}
          ${lastVessels && html`<${RestButtons} store=${store} />`}
        </div>
      `}
    </section>
  `;
}

/** Whether anything of a section has been answered. */
const isBegun = (section, answers) =>
  [...section.fields, ...section.vessels].some((field) =>
    isAnswered(valueAt(answers, field.pointer)),
  );

/** All sections in one line, each with what is open in it: a click goes there. */
export function Overview({ store, view }) {
  const { model, toSign, answers } = store.state;
  const allFolded = model.sections.every((section) => view.folded.has(section.id));
  return html`
    <nav class="mgn-overview" aria-label="Sections of the form">
      ${model.sections.map((section) => {
        const open = openIn(section, toSign);
        const begun = isBegun(section, answers);
        const words = open.length > 0 ? `${open.length} open` : begun ? "nothing open" : "empty, nothing needed";
        const state = open.length > 0 ? "mgn-place-open" : begun ? "" : "mgn-place-empty";
        return html`<button
          type="button"
          class=${`mgn-place ${state}`}
          aria-label=${`${section.title}: ${words}`}
          data-place=${section.id}
          onClick=${() => view.show(section.id, open[0]?.pointer)}
        >
          ${section.title} <span aria-hidden="true">${open.length || (begun ? "✓" : "–")}</span>
        </button>`;
      })}
      <button type="button" class="mgn-link mgn-fold-all" onClick=${() => view.foldAll(!allFolded)}>
        ${allFolded ? "Unfold all" : "Fold all"}
      </button>
    </nav>
  `;
}

/** `view` holds what is folded and open; it lives in the panel so that a jump can change it. */
export function Form({ store, view }) {
  const { model, volumes } = store.state;
  const withVessels = model.sections.filter((section) => section.vessels.length > 0);
  const volumesPlaced = model.fillable.length > 0;
  return html`
    ${model.sections.map(
      (section) => html`<${Section}
        key=${section.id}
        store=${store}
        section=${section}
        view=${view}
        lastVessels=${section === withVessels.at(-1)}
      />`,
    )}
    ${!volumesPlaced &&
    volumes.length > 0 &&
    html`<section class="mgn-section">
      <h2><span class="mgn-plain-title">Measured volumes</span></h2>
      <div class="mgn-section-body"><${Volumes} store=${store} /></div>
    </section>`}
  `;
}
