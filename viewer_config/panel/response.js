// What the followed targets come to: the sum, and the response against baseline and nadir, as the
// server computed it.
import { html } from "./html.js";

export const RESPONSE_SECTION = "response";

export function Response({ store }) {
  const { response } = store.state;
  if (response.length === 0) {
    return html`<p class="mgn-small">
      Targets named here are followed: at the next time point their sum is compared by RECIST 1.1.
    </p>`;
  }
  return html`<ul class="mgn-response" aria-live="polite">
    ${response.map(
      (one) => html`<li class="mgn-card mgn-card-sure" data-response=${one.criteria}>
        <p class="mgn-response-line">
          <span class="mgn-card-title">${one.criteria}</span> <b>${one.label}</b>
        </p>
        ${one.text && html`<p class="mgn-small">${one.text}</p>`}
        ${one.notes.map((note) => html`<p class="mgn-small">${note}</p>`)}
        <p class="mgn-small">Source: ${one.source}.</p>
      </li>`,
    )}
  </ul>`;
}
