// What the published criteria say, as the server computed it: category or interval, the rules
// that fired, their sources, and how far each may be trusted.
import { TrustMark } from "./fields.js";
import { html } from "./html.js";

function Fired({ rule }) {
  return html`
    <li>
      <span class="mgn-rule">${rule.rule}</span> ${rule.text}
      <span class="mgn-source">${rule.source}<${TrustMark} trust=${rule.trust} /></span>
    </li>
  `;
}

function Card({ evaluation, store, onJump }) {
  const { category_label: category, interval_label: interval, missing, flags } = evaluation;
  const model = store.state.model;
  const silence = missing.length > 0 ? "needs more answers" : "does not address this";
  const says = category ?? interval ?? silence;
  const kind = category ? "sure" : interval ? "range" : "silent";
  return html`
    <details class=${`mgn-card mgn-card-${kind}`} data-ruleset=${evaluation.ruleset}>
      <summary>
        <span class="mgn-card-title">${evaluation.title}</span>
        <span class="mgn-card-says">${says}</span>
      </summary>
      ${evaluation.fired.length > 0 &&
      html`<ul class="mgn-fired">
        ${evaluation.fired.map((rule) => html`<${Fired} rule=${rule} />`)}
      </ul>`}
      ${flags.length > 0 &&
      html`<ul class="mgn-flags">
        ${flags.map((flag) => html`<li>${flag.text}</li>`)}
      </ul>`}
      ${missing.length > 0 &&
      html`
        <p class="mgn-small">Would narrow it:</p>
        <ul class="mgn-missing">
          ${missing.map(
            (one) => html`<li>
              ${model.at.has(one.pointer)
                ? html`<button type="button" class="mgn-link" onClick=${() => onJump(one.pointer)}>
                    ${one.text}
                  </button>`
                : one.text}
            </li>`,
          )}
        </ul>
      `}
      ${evaluation.capabilities.length > 0 &&
      html`<p class="mgn-small">
        Needs: ${evaluation.capabilities.map((one) => capabilityWords(model, one)).join("; ")}
      </p>`}
      <p class="mgn-small">${evaluation.ruleset}, version ${evaluation.version}</p>
    </details>
  `;
}

function capabilityWords(model, capability) {
  const field = model.at.get("/capability_needed");
  const option = field?.allOptions.find((one) => one.value === capability);
  return option?.label ?? capability.replaceAll("_", " ");
}

function Differences({ differences }) {
  if (differences.length === 0) {
    return null;
  }
  return html`
    <details class="mgn-card mgn-differences">
      <summary>
        <span class="mgn-card-title">The sets disagree</span>
        <span class="mgn-card-says">${differences.length}</span>
      </summary>
      ${differences.map(
        (one) => html`<div>
          <p>${one.text}</p>
          <ul class="mgn-fired">
            ${one.because.map((line) => html`<li class="mgn-small">${line}</li>`)}
          </ul>
        </div>`,
      )}
    </details>
  `;
}

export function Criteria({ store, onJump }) {
  const { evaluations, differences } = store.state;
  if (evaluations.length === 0) {
    return null;
  }
  return html`
    <details class="mgn-criteria" open>
      <summary>
        <h2>Computed from the findings <span class="mgn-aside">not a verdict</span></h2>
      </summary>
      <div aria-live="polite">
        ${evaluations.map(
          (evaluation) => html`<${Card}
            key=${evaluation.ruleset}
            evaluation=${evaluation}
            store=${store}
            onJump=${onJump}
          />`,
        )}
        <${Differences} differences=${differences} />
      </div>
    </details>
  `;
}
