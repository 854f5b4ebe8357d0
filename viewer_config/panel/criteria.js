// What the published criteria say, as the server computed it: category or interval, the rules
// that fired, their sources, and how far each may be trusted.
import { TrustMark } from "./fields.js";
import { html, useState } from "./html.js";
import { apartFrom, kindOf, marksOf, scoreWords } from "./sets.js";

function Fired({ rule }) {
  return html`
    <li>
      <span class="mgn-rule">${rule.rule}</span> ${rule.text}
      <span class="mgn-source">${rule.source}<${TrustMark} trust=${rule.trust} /></span>
    </li>
  `;
}

// With more sets than this, those still open are folded away as well.
const MOST_IN_SIGHT = 10;

// As the server says it of a set that gives neither category nor interval.
const UNADDRESSED = "Not addressed by this set";

/** Where a set's sources disagree: what was chosen, to be chosen otherwise. */
function Options({ store, evaluation }) {
  const ruleset = store.state.panel.rulesets?.find((one) => one.ruleset === evaluation.ruleset);
  const options = ruleset?.options ?? [];
  return options.map((option) => {
    const id = `mgn-option-${evaluation.ruleset}-${option.name}`;
    const chosen = evaluation.options?.[option.name] ?? option.default;
    return html`<div class="mgn-choose">
      <label for=${id}>Option “${option.name.replaceAll("_", " ")}”</label>
      <select
        id=${id}
        data-option=${`${evaluation.ruleset}/${option.name}`}
        disabled=${!store.mayWrite}
        onChange=${(event) =>
          store.choose(evaluation.ruleset, option.name, event.currentTarget.value)}
      >
        ${option.choices.map(
          (value) => html`<option value=${value} selected=${value === chosen}>
            ${value}${value === option.default ? " (default)" : ""}
          </option>`,
        )}
      </select>
      <p class="mgn-small">${option.text}</p>
    </div>`;
  });
}

function Apart() {
  const words = "Not what most sets say; see “The sets disagree”";
  return html`<span class="mgn-apart" role="img" aria-label=${words} title=${words}>≠</span>`;
}

function Card({ evaluation, apart, store, onJump }) {
  const { category_label: category, interval_label: interval, missing, flags } = evaluation;
  const model = store.state.model;
  const silence = missing.length > 0 ? "needs more answers" : "does not address this";
  const says = category ?? interval ?? silence;
  const score = scoreWords(evaluation);
  const kind = category ? "sure" : interval ? "range" : "silent";
  const was = store.state.prior?.results[evaluation.ruleset];
  const moved = was !== undefined && was !== (category ?? interval ?? UNADDRESSED);
  return html`
    <details
      class=${`mgn-card mgn-card-${kind} ${apart ? "mgn-card-apart" : ""}`}
      data-ruleset=${evaluation.ruleset}
    >
      <summary>
        <span class="mgn-card-title">${apart && html`<${Apart} />`}${evaluation.title}</span>
        <span class="mgn-card-says">
          ${score && html`<span class="mgn-score">${score}</span>`}${says}
        </span>
        ${marksOf(evaluation.fired).map((trust) => html`<${TrustMark} trust=${trust} />`)}
        ${moved && html`<span class="mgn-was mgn-was-moved">was ${was}</span>`}
      </summary>
      ${interval &&
      html`<p class="mgn-small">
        Somewhere from the first to the second, until what is named below has been answered.
      </p>`}
      ${evaluation.score &&
      html`<p class="mgn-small">${evaluation.score.name}: ${score || says}</p>`}
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
      <${Options} store=${store} evaluation=${evaluation} />
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

/** Sets that would only take room, in one line; a click shows them. */
function Folded({ sets, words, children }) {
  const [open, setOpen] = useState(false);
  return (
    sets.length > 0 &&
    html`
      <button
        type="button"
        class="mgn-link mgn-folded-sets"
        aria-expanded=${open}
        onClick=${() => setOpen(!open)}
      >
        ${words(sets.length)}: ${open ? "hide" : "show"}
      </button>
      ${open && children}
    `
  );
}

const count = (number, one, many) => (number === 1 ? `1 set ${one}` : `${number} sets ${many}`);

function counts(groups) {
  return [
    groups.decided.length > 0 && `${groups.decided.length} decided`,
    groups.open.length > 0 && `${groups.open.length} open`,
    groups.silent.length > 0 && `${groups.silent.length} silent`,
  ].filter(Boolean);
}

export function Criteria({ store, onJump }) {
  const { evaluations, differences } = store.state;
  if (evaluations.length === 0) {
    return null;
  }
  const groups = { decided: [], open: [], silent: [] };
  evaluations.forEach((evaluation) => groups[kindOf(evaluation)].push(evaluation));
  const many = evaluations.length > MOST_IN_SIGHT;
  const inSight = evaluations.filter((one) => {
    const kind = kindOf(one);
    return kind === "decided" || (kind === "open" && !many);
  });
  const apart = differences.length > 0 ? apartFrom(evaluations) : new Set();
  const cards = (sets) =>
    html`<div class="mgn-cards">
      ${sets.map(
        (evaluation) => html`<${Card}
          key=${evaluation.ruleset}
          evaluation=${evaluation}
          apart=${apart.has(evaluation.ruleset)}
          store=${store}
          onJump=${onJump}
        />`,
      )}
    </div>`;
  return html`
    <details class="mgn-criteria" open>
      <summary>
        <h2>Computed from the findings <span class="mgn-aside">not a verdict</span></h2>
        <span class="mgn-counts">${counts(groups).join(" · ")}</span>
      </summary>
      <div aria-live="polite">
        <${Differences} differences=${differences} />
        ${cards(inSight)}
        ${many &&
        html`<${Folded}
          sets=${groups.open}
          words=${(number) => count(number, "needs more answers", "need more answers")}
        >
          ${cards(groups.open)}
        <//>`}
        <${Folded}
          sets=${groups.silent}
          words=${(number) => count(number, "says nothing here", "say nothing here")}
        >
          ${cards(groups.silent)}
        <//>
      </div>
    </details>
  `;
}
