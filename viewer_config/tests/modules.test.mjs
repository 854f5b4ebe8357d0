import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const home = new URL("../", import.meta.url);
const read = (path) => readFileSync(new URL(path, home), "utf-8");

/** app-config.js as the page runs it, at a given address. */
function configAt(pathname) {
  const window = { location: { pathname }, modes: ["x"], extensions: ["@ohif/a", "@ohif/b", "@ohif/c"] };
  const document = {
    currentScript: { src: "http://margin.test/margin-viewer/0123456789abcdef/app-config.js" },
  };
  vm.runInNewContext(read("app-config.js"), { window, document, URL });
  const shown = [];
  const servicesManager = { services: { uiNotificationService: { show: (note) => shown.push(note) } } };
  return { window, shown, config: window.config({ servicesManager }) };
}

/** Every module reached from a starting module by its relative imports. */
function reachedFrom(path, found = new Set()) {
  if (found.has(path)) {
    return found;
  }
  found.add(path);
  if (path.startsWith("vendor/")) {
    return found;
  }
  for (const [, target] of read(path).matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)) {
    reachedFrom(new URL(target, new URL(path, "http://x/")).pathname.slice(1), found);
  }
  return found;
}

test("our modules are loaded from the folder that is named after their content", () => {
  const { config } = configAt("/r/abc/view/margin");
  assert.deepEqual([...config.extensions], ["/margin-viewer/0123456789abcdef/extension.js"]);
  assert.deepEqual([...config.modes], ["/margin-viewer/0123456789abcdef/mode.js"]);
});

test("the panel is loaded after the first image: nothing reaches it but by a later import", () => {
  for (const start of ["extension.js", "mode.js", "early/start.js"]) {
    const text = read(start);
    assert.doesNotMatch(text, /from "\.\/panel\/(?!name)/, start);
  }
});

const FOLDERS = ["early", "hanging", "images", "panel"];
const modules = FOLDERS.flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, home))
    .filter((name) => name.endsWith(".js"))
    .map((name) => `${folder}/${name}`),
);

test("no module of ours is left without a reader", () => {
  const starts = ["extension.js", "mode.js", "early/start.js"];
  const reached = new Set(starts.flatMap((start) => [...reachedFrom(start)]));
  assert.deepEqual(modules.filter((name) => !reached.has(name)), []);
});

test("everything the viewer reads stands below its own launch", () => {
  const { config, window } = configAt("/r/Ab_c-9/view/margin");
  const { qidoRoot, wadoRoot, wadoUriRoot } = config.dataSources[0].configuration;
  assert.deepEqual([qidoRoot, wadoRoot, wadoUriRoot], Array(3).fill("/r/Ab_c-9/dicom-web"));
  assert.equal(config.routerBasename, "/r/Ab_c-9/view");
  assert.equal(window.config.routerBasename, "/r/Ab_c-9/view");
});

test("only the dicomweb data source is configured, and no study list", () => {
  const { config } = configAt("/r/abc/view/margin");
  const kinds = Array.from(config.dataSources, (source) => source.namespace);
  assert.deepEqual(kinds, ["@ohif/extension-default.dataSourcesModule.dicomweb"]);
  assert.equal(config.showStudyList, false);
  assert.equal("dangerouslyUseDynamicConfig" in config, false);
  assert.equal("customizationUrlPrefixes" in config, false);
});

test("nothing of ours names another origin", () => {
  const files = ["app-config.js", "extension.js", "mode.js", "panel/panel.css", ...modules];
  for (const file of files) {
    assert.doesNotMatch(read(file), /https?:\/\//, file);
  }
});

test("nothing of ours writes markup or evaluates text", () => {
  for (const name of modules) {
    assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function/, name);
  }
});

test("an ended access is told once, and other errors are not mistaken for it", () => {
  const { config, shown } = configAt("/r/abc/view/margin");
  config.httpErrorHandler({ status: 500 });
  config.httpErrorHandler(undefined);
  assert.equal(shown.length, 0);
  config.httpErrorHandler({ status: 403 });
  config.httpErrorHandler({ status: 401 });
  assert.equal(shown.length, 1);
  assert.match(shown[0].title, /access has ended/);
});
