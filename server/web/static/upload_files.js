// Which files a person chose or dropped, with their paths; and how a file is known again later.

import { number } from "./upload_language.js";

/** Every file of a drop, folders gone through: [{file, path}]. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, folder, found) {
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((take) => entry.file(take, () => take(null)));
    if (file) found.push({ file, path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((take) => reader.readEntries(take, () => take([])));
    if (!some.length) return;
    for (const one of some) await walk(one, `${path}/`, found);
  }
}

/** The files of an input, with the paths that a chosen folder gives them. */
export function chosen(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** A secret of this browser for this case, so that a mark says nothing about a file's name. */
function salt(caseNumber) {
  const name = `margin-uploads ${caseNumber}`;
  let kept = localStorage.getItem(name);
  if (!kept) {
    kept = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
    localStorage.setItem(name, kept);
  }
  return kept;
}

// FNV-1a in 64 bits, for pages over plain http, where browsers offer no SHA-256.
function fnv(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

/** The mark of a file: the same for the same path, size and date in this browser, and nothing else. */
export async function markOf({ file, path }, caseNumber, how) {
  const text = [salt(caseNumber), how, path, file.size, file.lastModified].join("\0");
  if (!crypto.subtle) return fnv(text) + fnv(`${text}\0again`);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest).slice(0, 16)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function size(bytes) {
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${number(amount, unit > 1 && amount < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
