// Behind every access link: takes the token out of the address, hands it in once, goes to the case.
// What is shared asks for a PIN first; the token stays in this page's memory meanwhile.

const state = document.getElementById("open-state");
const problem = document.getElementById("open-problem");
const form = document.getElementById("open-pin");
const field = document.getElementById("pin");

// What is said here in English, in the language of the page.
const words = JSON.parse(problem.dataset.words);
const said = (english) => words[english] ?? english;

function say(message, remedy) {
  document.getElementById("open-message").textContent = said(message);
  document.getElementById("open-remedy").textContent = said(remedy);
  problem.hidden = false;
}

function fail(message, remedy) {
  state.hidden = true;
  form.hidden = true;
  say(message, remedy);
  problem.focus();
}

function askForPin(token) {
  state.hidden = true;
  form.hidden = false;
  field.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    open(token, field.value);
  };
}

async function open(token, pin) {
  problem.hidden = true;
  let answer;
  try {
    answer = await fetch("/open", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(pin === undefined ? { token } : { token, pin }),
      cache: "no-store",
    });
  } catch {
    if (pin === undefined) {
      fail("Margin could not be reached.", "Check your connection and open the link again.");
    } else {
      say("Margin could not be reached.", "Check your connection and try again.");
    }
    return;
  }
  const given = await answer.json().catch(() => ({}));
  if (answer.ok && typeof given.location === "string" && given.location.startsWith("/r/")) {
    location.replace(given.location);
    return;
  }
  if (answer.ok && given.asks_for === "pin") {
    askForPin(token);
    return;
  }
  const message = given.error?.message ?? "The case could not be opened.";
  const remedy = given.error?.remedy || "Ask the coordinator who sent you the link.";
  if (["pin_wrong", "pin_locked"].includes(given.error?.code)) {
    say(message, remedy);
    field.value = "";
    field.focus();
    return;
  }
  fail(message, remedy);
}

function start() {
  const token = decodeURIComponent(location.hash.slice(1)).trim();
  history.replaceState(null, "", location.pathname);
  if (!token) {
    fail("This access link is not complete.", "Open the link as it was sent, with everything after the # sign.");
    return;
  }
  open(token);
}

// The link may be opened again in the same window: only its fragment changes then.
addEventListener("hashchange", () => location.hash && location.reload());
start();
