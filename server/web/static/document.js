// Size and turning of a document's pages without loading the page again.

const view = document.querySelector("[data-view]");
const panes = document.querySelector("[data-panes]");
const steps = view.dataset.widths.split(",").length;

let zoom = Number(panes.dataset.zoomNow);
let turn = Number(panes.dataset.turnNow);

function show() {
  for (const name of [...panes.classList]) {
    if (name.startsWith("zoom-")) panes.classList.remove(name);
  }
  panes.classList.add(`zoom-${zoom}`);
  for (const picture of panes.querySelectorAll("img[data-page]")) {
    const address = new URL(picture.src);
    address.searchParams.set("zoom", zoom);
    address.searchParams.set("turn", turn);
    picture.src = address.href;
  }
  const here = new URL(location.href);
  here.searchParams.set("zoom", zoom);
  here.searchParams.set("turn", turn);
  history.replaceState(null, "", here);
}

function change({ by = 0, turned = 0 }) {
  const next = Math.min(steps - 1, Math.max(0, zoom + by));
  if (next === zoom && turned === 0) return;
  zoom = next;
  turn = (turn + turned) % 360;
  show();
}

for (const link of view.querySelectorAll("[data-zoom]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    change({ by: Number(link.dataset.zoom) });
  });
}
view.querySelector("[data-turn]").addEventListener("click", (event) => {
  event.preventDefault();
  change({ turned: 90 });
});

const KEYS = {
  "+": { by: 1 },
  "=": { by: 1 },
  "-": { by: -1 },
  r: { turned: 90 },
  R: { turned: 90 },
};
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  change(KEYS[event.key]);
});
