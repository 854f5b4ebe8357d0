// Which phase of contrast a series shows, by the words of its description. Pure.
//
// Words of radiology departments in English, German, French, Spanish, Italian, Portuguese and
// Dutch. A description that says nothing known has no phase, which is never a reason not to show it.

const WORDS = {
  native: `native nativ natif native nativa nativo noncontrast noncon unenhanced plain precontrast
    precontrasto basal basale diretta blanco ohnekm withoutcontrast nonenhanced sanscontraste
    sansinjection sincontraste senzamdc senzacontrasto semcontraste zondercontrast woc nc spc`,
  arterial: `arterial arteriell arterielle arterieel arteriele arteriel arteriosa arterioso art
    aphase pancreatic pancreas pankreasphase pancreatique pancreatica angio cta`,
  portal_venous: `portal portale portalvenous portalvenos portalvenose portalvenoes portovenous
    portalven portaal portaalveneus portoveneux portoveineux pv pvp porto venous venos venose
    venoes ven veineux veineuse venosa venoso veneus veneuze hepaticvenous`,
  delayed: `delayed delay late equilibrium excretory spat spaet spatphase spaetphase tardif tardive
    tardia tardiva tardio laat equilibrio equilibre aquilibrium ausscheidungsphase`,
};
const NOT_TO_READ = `scout localizer localiser topogram surview dose report dosereport protocol
  patientprotocol bolus premonitoring monitoring smartprep tracker summary screensave`;
const REFORMATTED = "mpr mip minip vrt cor coronal koronar coronale sag sagittal sagittale 3d";
const OTHER_ORGAN = "lung lunge lungs poumon pulmon polmone bone knochen os hueso osso chest thorax";

// Seconds after the start of the injection, where a description states them: late arterial 35 to
// 45 s, portal venous 60 to 90 s (PANC protocols and ESGAR advice agree within these bounds).
const ARTERIAL_S = [15, 50];
const PORTAL_VENOUS_S = [55, 110];
const LONGEST_DELAY_S = 1200;

export const PHASES = ["arterial", "portal_venous", "delayed", "native"];

const setOf = (text) => new Set(text.split(/\s+/));
const LISTS = Object.fromEntries(Object.entries(WORDS).map(([name, text]) => [name, setOf(text)]));
const SKIPPED = setOf(NOT_TO_READ);
const MADE = setOf(REFORMATTED);
const ELSEWHERE = setOf(OTHER_ORGAN);

/** The words of a description in small plain letters, each and each pair of neighbours. */
export function wordsOf(description) {
  const plain = String(description ?? "")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase();
  const words = plain.match(/[a-z]+|\d+/g) ?? [];
  const pairs = words.slice(1).map((word, index) => words[index] + word);
  return [...words, ...pairs];
}

function phaseBySeconds(description) {
  const said = /(?:^|[^\d.])(\d{2,4})\s*(?:s|sec|sek|secs|seg)(?![a-z])/i.exec(description ?? "");
  const seconds = said ? Number(said[1]) : 0;
  if (seconds >= ARTERIAL_S[0] && seconds <= ARTERIAL_S[1]) {
    return "arterial";
  }
  if (seconds >= PORTAL_VENOUS_S[0] && seconds <= PORTAL_VENOUS_S[1]) {
    return "portal_venous";
  }
  return seconds > PORTAL_VENOUS_S[1] && seconds <= LONGEST_DELAY_S ? "delayed" : null;
}

/** "native", "arterial", "portal_venous", "delayed", or null where the description says none. */
export function phaseOf(description) {
  const words = wordsOf(description);
  const says = (name) => words.some((word) => LISTS[name].has(word));
  // "without contrast, venous" does not occur; "late arterial" does, and is arterial.
  const found = ["native", "arterial", "portal_venous", "delayed"].find(says);
  if (found === "arterial" && says("portal_venous") && words.includes("portal")) {
    return "portal_venous";
  }
  return found ?? phaseBySeconds(description);
}

/**
 * The phase of a series in words of our own (`describe` in protocols.js): what the server found by
 * headers and pixels, or a person set, else what its description says.
 */
export const phaseIn = ({ phase, description }) => phase ?? phaseOf(description);

const has = (words, list) => words.some((word) => list.has(word));

/**
 * How well a series serves as the first picture: 0 for what nobody reads.
 *
 * `{description, phase, modality, instances, thickness_mm}`, `phase` where it is known; thin slices of the portal venous phase win, for
 * the portal vein is what both organs' questions are about.
 */
export function worthOf({ description, phase, modality, instances, thickness_mm: thickness }) {
  const words = wordsOf(description);
  const isImage = ["CT", "MR", "PT"].includes(modality ?? "CT");
  if (!isImage || has(words, SKIPPED) || instances < 3) {
    return isImage && instances > 0 && !has(words, SKIPPED) ? 1 : 0;
  }
  const base = { portal_venous: 100, arterial: 80, delayed: 60, native: 30 };
  let worth = base[phaseIn({ phase, description })] ?? 50;
  worth -= has(words, MADE) ? 40 : 0;
  worth -= has(words, ELSEWHERE) ? 25 : 0;
  worth += thickness > 0 ? Math.max(0, 6 - thickness) : 0;
  return Math.max(2, worth + Math.min(5, instances / 100));
}

const SIDE_BY_SIDE = ["arterial", "portal_venous", "delayed"];

/**
 * What is shown at first, in the order of the viewports: where the window has room for it (`isWide`) the
 * phases side by side, else the best series alone. The first is the one worked in.
 */
export function shownFirst(list, describe, isWide) {
  const ofPhase = (name) =>
    bestOf(
      list.filter((one) => phaseIn(describe(one)) === name),
      describe,
    );
  for (const count of isWide ? [3, 2] : []) {
    const found = SIDE_BY_SIDE.slice(0, count).map(ofPhase).filter(Boolean);
    if (found.length === count) {
      return found;
    }
  }
  return [bestOf(list, describe)].filter(Boolean);
}

// Three images side by side need this much beside the list of series and the form.
const WIDE_PX = 1700;
export const isWide = (widthPx) => widthPx >= WIDE_PX;

/** The one of highest worth, the first of equals; null of none. `describe` turns one into words. */
export function bestOf(list, describe) {
  let best = null;
  for (const one of list) {
    const worth = worthOf(describe(one));
    if (worth > 0 && (best === null || worth > best.worth)) {
      best = { one, worth };
    }
  }
  return best?.one ?? null;
}
