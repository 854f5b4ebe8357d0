// The extension "margin": how images are loaded and hung, and one panel for OHIF's right side.
import { COMPARE, comparing } from "./hanging/compare.js";
import { OPENING, opening, reformation, teachPlaces } from "./hanging/protocols.js";
import { Loader } from "./images/loader.js";
import { markPreviews } from "./images/mark.js";
import { warmDecoders } from "./images/warm.js";
import { ELEMENT_NAME } from "./panel/name.js";
import { leaveWhenOver } from "./shared.js";

const LIBRARIES = "@ohif/extension-cornerstone.utilityModule.common";
// The panel waits for the first image, but not longer than this.
const PANEL_AT_LATEST_MS = 4000;

// OHIF's React is not ours to import. A React 18 element is a plain object, and a custom
// element needs nothing else of React: it mounts its own tree when it is put on the page.
const PANEL = Object.freeze({
  $$typeof: Symbol.for("react.element"),
  type: ELEMENT_NAME,
  key: null,
  ref: null,
  props: {},
  _owner: null,
});

let loader = null;

const librariesOf = (extensionManager) =>
  extensionManager.getModuleEntry(LIBRARIES).exports.getCornerstoneLibraries();

/** Calls `then` once, when an image has been drawn or time is up. */
function afterFirstImage({ Enums, eventTarget }, then) {
  let called = false;
  const once = () => {
    if (!called) {
      called = true;
      then();
    }
  };
  const watch = ({ detail: { element } }) => {
    const drawn = () => requestAnimationFrame(() => setTimeout(once, 0));
    element.addEventListener(Enums.Events.IMAGE_RENDERED, drawn, { once: true });
  };
  eventTarget.addEventListener(Enums.Events.ELEMENT_ENABLED, watch);
  setTimeout(once, PANEL_AT_LATEST_MS);
}

/** Stock protocols that bring an order of loading of their own would go past ours. */
function loadOurWay(hangingProtocolService) {
  for (const [id, protocol] of hangingProtocolService.protocols) {
    if (protocol.imageLoadStrategy) {
      hangingProtocolService.addProtocol(id, { ...protocol, imageLoadStrategy: undefined });
    }
  }
}

async function loadPanel(viewer) {
  const [{ definePanelElement }, { meetViewer }] = await Promise.all([
    import("./panel/element.js"),
    import("./volumetry/viewer.js"),
  ]);
  meetViewer(viewer);
  definePanelElement(viewer);
}

export default {
  id: "margin",
  preRegistration({ servicesManager, commandsManager, extensionManager }) {
    const { services } = servicesManager;
    const { cornerstone, cornerstoneTools } = librariesOf(extensionManager);
    warmDecoders(cornerstone);
    teachPlaces(services);
    loader = new Loader(cornerstone, {
      early: window.marginEarly,
      isActive: (id) => services.viewportGridService.getActiveViewportId() === id,
    });
    window.addEventListener("online", () => loader.lineIsBack());
    markPreviews(cornerstone);
    // Ours fetches what lies around the slice somebody looks at; two would fight for the line.
    cornerstoneTools.utilities.stackContextPrefetch.enable = () => {};
    window.marginLoading = () => loader.counts;
    leaveWhenOver(window.location);
    afterFirstImage(cornerstone, () => loadPanel({ services, commandsManager, extensionManager }));
  },
  onModeEnter({ servicesManager }) {
    const { hangingProtocolService } = servicesManager.services;
    loadOurWay(hangingProtocolService);
    hangingProtocolService.addProtocol("mpr", reformation());
    hangingProtocolService.addProtocol(OPENING, opening(window.innerWidth));
    loader.install();
  },
  getCommandsModule: (managers) => ({
    definitions: { [COMPARE]: { commandFn: comparing(managers) } },
    defaultContext: "DEFAULT",
  }),
  getHangingProtocolModule: () => [{ name: OPENING, protocol: opening(window.innerWidth) }],
  getPanelModule: () => [
    {
      name: "resectability",
      iconName: "tab-patient-info",
      iconLabel: "Resectability",
      label: "Resectability",
      component: () => PANEL,
    },
  ],
};
