// Volumes measured from segmentations: liver, future liver remnant (FLR), tumour; the remnant
// as a bar with its uncertainty, against the thresholds the server states.
import { Trials } from "../volumetry/section.js";
import { TrustMark } from "./fields.js";
import { html } from "./html.js";

const SCALE_END_PERCENT = 60;

const shown = (number, digits) => (typeof number === "number" ? number.toFixed(digits) : "–");

/** Thresholds stated by the evaluations: `[{percent, label}]`, the same one only once. */
function thresholdsOf(evaluations) {
  const stated = evaluations.flatMap((evaluation) => evaluation.thresholds ?? []);
  return [...new Map(stated.map((one) => [`${one.percent} ${one.label}`, one])).values()];
}

function Bar({ volume, thresholds }) {
  const percent = volume.flr_percent;
  const spread = (percent * (volume.uncertainty_percent ?? 0)) / 100;
  const end = Math.max(SCALE_END_PERCENT, percent + spread, ...thresholds.map((one) => one.percent));
  const at = (value) => `${(100 * Math.min(Math.max(value, 0), end)) / end}%`;
  const words =
    `FLR ${shown(percent, 1)} percent, between ${shown(percent - spread, 1)} and ` +
    `${shown(percent + spread, 1)}` +
    thresholds.map((one) => `; threshold ${one.percent} percent (${one.label})`).join("");
  return html`
    <div class="mgn-bar" role="img" aria-label=${words}>
      <div class="mgn-bar-fill" style=${{ width: at(percent) }}></div>
      <div
        class="mgn-bar-band"
        style=${{ left: at(percent - spread), width: at(2 * spread) }}
      ></div>
      ${thresholds.map(
        (one) =>
          html`<div class="mgn-bar-threshold" style=${{ left: at(one.percent) }}>
            <span>${one.percent}</span>
          </div>`,
      )}
    </div>
    <p class="mgn-small">
      ${shown(percent, 1)} % of ${volume.denominator}, ± ${volume.uncertainty_percent} % of the value
      (${shown(percent - spread, 1)} to ${shown(percent + spread, 1)} %)
      ${volume.uncertainty_trust === "UNPUB" &&
      html`<span class="mgn-trust">unpublished</span>`}
    </p>
    ${thresholds.map(
      (one) => html`<p class="mgn-small">
        ${one.percent} %: ${one.label}${one.source ? `, ${one.source}` : ""}${" "}
        <${TrustMark} trust=${one.trust} />
      </p>`,
    )}
  `;
}

function Amounts({ volume }) {
  return html`
    <dl class="mgn-amounts">
      <div><dt>Liver</dt><dd>${shown(volume.liver_ml, 0)} mL</dd></div>
      <div><dt>FLR</dt><dd>${shown(volume.flr_ml, 0)} mL</dd></div>
      <div><dt>Tumour</dt><dd>${shown(volume.tumour_ml, 0)} mL</dd></div>
    </dl>
  `;
}

function Measurement({ store, volume, thresholds }) {
  const { model, answers } = store.state;
  const source = model.fillable.find((field) => field.fillFrom === "id");
  const inUse = source && answers[source.name] === volume.id;
  const title = [volume.label, volume.series_description].filter(Boolean).join(" · ");
  return html`
    <li class="mgn-volume" data-volume=${volume.id}>
      <p class="mgn-volume-title">
        ${title || "Segmentation"}${inUse && html`<span class="mgn-used">in the form</span>`}
      </p>
      ${volume.state === "measuring" && html`<p class="mgn-small">Measuring…</p>`}
      ${volume.state === "refused" && html`<p class="mgn-problem">${volume.refusal}</p>`}
      ${volume.state === "measured" &&
      html`
        <${Amounts} volume=${volume} />
        ${typeof volume.flr_percent === "number" &&
        html`<${Bar} volume=${volume} thresholds=${thresholds} />`}
        ${[
          ...(volume.missing ?? []).map((segment) => `There is no segment “${segment}”.`),
          ...(volume.notes ?? []),
        ].map((note) => html`<p class="mgn-small">${note}</p>`)}
        ${store.mayWrite &&
        model.fillable.length > 0 &&
        !inUse &&
        html`<button
          type="button"
          class="mgn-action"
          onClick=${() => store.applyVolume(volume)}
        >
          Use these volumes
        </button>`}
      `}
    </li>
  `;
}

function Draw({ store }) {
  return html`
    <p class="mgn-small">
      Volumes are measured from a segmentation with the segments “liver”, “FLR” and “tumour”. Draw
      them, then store with ⋯, Export, DICOM SEG, Save.
    </p>
    ${store.mayWrite &&
    html`<button type="button" class="mgn-action" onClick=${() => store.drawVolumes()}>
      Draw liver, FLR and tumour
    </button>`}
  `;
}

export function Volumes({ store }) {
  const { volumes, evaluations, model } = store.state;
  const thresholds = thresholdsOf(evaluations);
  return html`
    ${volumes.length > 0 &&
    html`<ul class="mgn-volumes">
      ${volumes.map(
        (volume) => html`<${Measurement}
          key=${volume.id}
          store=${store}
          volume=${volume}
          thresholds=${thresholds}
        />`,
      )}
    </ul>`}
    ${model.fillable.length > 0 && html`<${Draw} store=${store} /><${Trials} store=${store} />`}
  `;
}
