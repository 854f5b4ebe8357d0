// A recipient's page ends with the consent: it asks every three seconds, as long as it is looked at,
// and shows what the server says once it is over.

const EVERY_MS = 3000;
const place = document.querySelector("[data-standing]")?.dataset.standing;

async function ask() {
  if (document.hidden) {
    return;
  }
  const answer = await fetch(place, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (answer && (answer.status === 401 || answer.status === 403)) {
    location.reload();
  }
}

if (place) {
  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
}
