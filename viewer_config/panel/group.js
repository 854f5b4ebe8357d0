// A group of fields: as a table where all have the same answers, else one under the other. Long
// groups that nobody has begun, here or at the time point before, are folded, and say how much of them
// is answered.
import { isAnswered, unansweredIn, valueAt } from "./answers.js";
import { Field, NeededMark, Problem, describe, idOf } from "./fields.js";
import { html } from "./html.js";
import { columnsOf, isShown } from "./model.js";
import { Was } from "./prior.js";
import { Bind, SeenOn } from "./seen.js";
import { problemAt } from "./state.js";

const LEAST_COUNTED = 3;
const LONG_GROUP = 8;

function Cell({ store, child, column, value }) {
  const offered = child.allOptions.some((option) => option.value === column.value);
  return offered
    ? html`<label class=${`mgn-cell ${value === column.value ? "mgn-cell-chosen" : ""}`}>
        <input
          type="radio"
          name=${idOf(child.pointer)}
          aria-label=${column.label}
          title=${`${child.label}: ${column.label}`}
          checked=${value === column.value}
          disabled=${!store.mayWrite}
          onClick=${() => value === column.value && store.edit(child.pointer, undefined)}
          onChange=${() => store.edit(child.pointer, column.value)}
        />
      </label>`
    : html`<span class="mgn-cell" aria-hidden="true"></span>`;
}

function Row({ store, child, columns, value }) {
  const problem = problemAt(store.state, child.pointer);
  return html`
    <div
      class=${`mgn-table-row ${value === undefined ? "mgn-row-open" : ""}`}
      role="radiogroup"
      ...${describe(child, problem)}
    >
      <span class="mgn-table-name" title=${child.help || child.label}>
        ${child.label}${child.sign === "required" && value === undefined && html`<${NeededMark} />`}
        <${Bind} store=${store} field=${child} value=${value} />
      </span>
      ${columns.map(
        (column) =>
          html`<${Cell} store=${store} child=${child} column=${column} value=${value} />`,
      )}
      <${Was} store=${store} field=${child} value=${value} terse />
      <${SeenOn} store=${store} field=${child} value=${value} />
      <${Problem} id=${`${idOf(child.pointer)}-problem`} text=${problem} />
    </div>
  `;
}

function Table({ store, children, columns, answers }) {
  return html`
    <div class="mgn-table" style=${{ "--columns": columns.length }}>
      <div class="mgn-table-row mgn-table-head" aria-hidden="true">
        <span></span>
        ${columns.map((column) => html`<span>${column.label}</span>`)}
      </div>
      ${children.map(
        (child) => html`<${Row}
          key=${child.pointer}
          store=${store}
          child=${child}
          columns=${columns}
          value=${answers?.[child.name]}
        />`,
      )}
    </div>
  `;
}

function Rest({ store, group, open }) {
  if (open === 0 || !store.mayWrite || group.quickRest.length === 0) {
    return null;
  }
  return html`
    <div class="mgn-rest">
      ${group.quickRest.map(
        (quick) => html`<button
          type="button"
          class="mgn-pick"
          aria-label=${`${group.label}: ${quick.label}`}
          onClick=${() => store.answerGroupRest(group, quick)}
        >
          ${quick.label}
        </button>`,
      )}
    </div>
  `;
}

/** Numbers of a long group stand two in a row. */
function Fields({ store, children, answers }) {
  const numbers = children.length > 3 && children.every((child) => child.kind === "number");
  return html`<div class=${numbers ? "mgn-numbers" : "mgn-group-fields"}>
    ${children.map(
      (child) => html`<${Field}
        key=${child.pointer}
        store=${store}
        field=${child}
        value=${answers?.[child.name]}
        stacked=${numbers}
      />`,
    )}
  </div>`;
}

export function Group({ store, field }) {
  const answers = valueAt(store.state.answers, field.pointer);
  const children = field.children.filter((child) => isShown(child, answers));
  const columns = columnsOf(children);
  const open = unansweredIn(field, answers).length;
  const answered = children.length - open;
  const begun = answered > 0 || isAnswered(valueAt(store.state.prior?.answers, field.pointer));
  const problem = problemAt(store.state, field.pointer);
  const body = html`
    ${field.help && html`<p class="mgn-help">${field.help}</p>`}
    <${Problem} id=${`${idOf(field.pointer)}-problem`} text=${problem} />
    ${columns
      ? html`<${Table}
          store=${store}
          children=${children}
          columns=${columns}
          answers=${answers}
        />`
      : html`<${Fields} store=${store} children=${children} answers=${answers} />`}
    <${Rest} store=${store} group=${field} open=${open} />
  `;
  const count =
    children.length >= LEAST_COUNTED &&
    html`<span class="mgn-answered">${answered} of ${children.length}</span>`;
  const needed = children.some((child) => child.sign === "required");
  if (!needed && !columns && (field.folded || children.length > LONG_GROUP)) {
    return html`<details class="mgn-group mgn-group-folded" open=${begun}>
      <summary>${field.label} ${count}</summary>
      ${body}
    </details>`;
  }
  return html`<fieldset class="mgn-group">
    <legend>${field.label} ${count}</legend>
    ${body}
  </fieldset>`;
}
