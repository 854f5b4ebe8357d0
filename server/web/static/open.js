// Behind every access link: takes the token out of the address, hands it in once, goes to the case.

const state = document.getElementById("open-state");
const problem = document.getElementById("open-problem");

function fail(message, remedy) {
  state.hidden = true;
  document.getElementById("open-message").textContent = message;
  document.getElementById("open-remedy").textContent = remedy;
  problem.hidden = false;
  problem.focus();
}

async function open() {
  const token = decodeURIComponent(location.hash.slice(1)).trim();
  history.replaceState(null, "", location.pathname);
  if (!token) {
    fail("This access link is not complete.", "Open the link as it was sent, with everything after the # sign.");
    return;
  }
  let answer;
  try {
    answer = await fetch("/open", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ token }),
      cache: "no-store",
    });
  } catch {
    fail("Margin could not be reached.", "Check your connection and open the link again.");
    return;
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok && typeof said.location === "string" && said.location.startsWith("/r/")) {
    location.replace(said.location);
    return;
  }
  fail(
    said.error?.message ?? "The case could not be opened.",
    said.error?.remedy || "Ask the coordinator who sent you the link.",
  );
}

// The link may be opened again in the same window: only its fragment changes then.
addEventListener("hashchange", () => location.hash && location.reload());
open();
