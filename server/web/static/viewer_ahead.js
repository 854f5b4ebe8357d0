// While somebody reads the case, the files of the viewer come into the browser's cache: over a poor line
// they are seconds of the first picture.

// Who goes straight on to the images shall not wait for what is fetched here.
const AFTER_MS = 1500;
const AT_ONCE = 6;

const said = document.querySelector('meta[name="viewer-files"]');
// The largest file is named last, and is needed first.
const wanted = said ? said.content.split(" ").filter(Boolean).reverse() : [];
// On a telephone the case is read, but hardly the images; and some lines are paid by the megabyte.
const isWelcome =
  window.matchMedia("(min-width: 800px)").matches && !navigator.connection?.saveData;
const leaving = new AbortController();

async function fetchOn() {
  while (wanted.length > 0 && !leaving.signal.aborted) {
    const options = { priority: "low", signal: leaving.signal };
    await fetch(wanted.shift(), options)
      .then((answer) => answer.arrayBuffer())
      .catch(() => {});
  }
}

window.addEventListener("pagehide", () => leaving.abort());
if (wanted.length > 0 && isWelcome) {
  window.addEventListener("load", () =>
    setTimeout(() => Array.from({ length: AT_ONCE }, fetchOn), AFTER_MS),
  );
}
