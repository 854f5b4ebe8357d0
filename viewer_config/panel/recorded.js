// Values that stand in the case's records, offered beside the fields that take them. Nothing is
// filled in by itself: the reviewer presses the button.
import { launchPath } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { offerFor } from "./offer.js";

const NOTHING = {};
let asked = null;

async function ask() {
  try {
    const answer = await fetch(`${launchPath()}/api/recorded`, {
      headers: { Accept: "application/json", "X-Margin-Panel": "1" },
      credentials: "same-origin",
      cache: "no-store",
    });
    return answer.ok ? (await answer.json()).fields : NOTHING;
  } catch {
    return NOTHING;
  }
}

export function Recorded({ store, field, value }) {
  const [recorded, setRecorded] = useState(NOTHING);
  useEffect(() => {
    let shown = true;
    asked ??= ask();
    asked.then((fields) => shown && setRecorded(fields));
    return () => {
      shown = false;
    };
  }, []);
  const offer = store.mayWrite && offerFor(field, recorded, value);
  return offer
    ? html`<button
        type="button"
        class="mgn-pick mgn-recorded"
        aria-label=${`${field.label}: ${offer.words}`}
        onClick=${() => store.edit(field.pointer, offer.value)}
      >
        ${offer.words}
      </button>`
    : null;
}
