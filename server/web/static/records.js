// Documents are dragged onto the checklist. Everything this does can be done by its form, too.

let dragged = null;

const lines = document.querySelectorAll(".checklist > li[data-kind]");
const isOurs = (event) => dragged !== null && event.dataTransfer.types.includes("text/plain");

for (const card of document.querySelectorAll("[data-document]")) {
  card.addEventListener("dragstart", (event) => {
    dragged = card;
    event.dataTransfer.setData("text/plain", card.dataset.document);
    event.dataTransfer.effectAllowed = "move";
    card.classList.add("is-dragged");
  });
  card.addEventListener("dragend", () => {
    dragged = null;
    card.classList.remove("is-dragged");
    for (const line of lines) line.classList.remove("is-target");
  });
}

for (const line of lines) {
  line.addEventListener("dragover", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    line.classList.add("is-target");
  });
  line.addEventListener("dragleave", () => line.classList.remove("is-target"));
  line.addEventListener("drop", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    const form = dragged.querySelector("form[data-classify]");
    form.elements.kind.value = line.dataset.kind;
    form.requestSubmit();
  });
}
