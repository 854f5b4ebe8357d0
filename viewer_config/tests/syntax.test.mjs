import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const panel = new URL("../panel/", import.meta.url);
const names = readdirSync(panel).filter((name) => name.endsWith(".js"));

// The parts that draw import libraries that only the installed viewer has: here they are only read.
for (const name of names) {
  test(`${name} can be read by a browser`, () => {
    const text = readFileSync(new URL(name, panel), "utf-8");
    const statements = text
      .replaceAll(/^import [^;]*;$/gms, "")
      .replaceAll(/^export \{[^;]*;$/gms, "")
      .replaceAll(/\bimport\.meta\b/g, "({})")
      .replaceAll(/^export (default )?/gm, "");
    assert.doesNotThrow(() => new vm.Script(statements, { filename: name }));
  });
}
