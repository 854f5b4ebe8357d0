// The plan's form: choosing a habit of the texts fills in its number of cycles.

const cycles = document.querySelector(".plan-form [name=cycles]");
for (const preset of document.querySelectorAll(".plan-form [data-cycles]")) {
  preset.addEventListener("change", () => {
    cycles.value = preset.dataset.cycles;
  });
}
