// The one place that says which libraries draw the panel.
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";

// All text goes through here and is escaped; nothing in the panel writes markup.
export const html = htm.bind(h);
