// The extension "margin": one panel for OHIF's right side.
import { ELEMENT_NAME, definePanelElement } from "./panel/element.js";

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

export default {
  id: "margin",
  preRegistration: ({ servicesManager, commandsManager }) =>
    definePanelElement({ services: servicesManager.services, commandsManager }),
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
