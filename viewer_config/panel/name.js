// The panel's name as an element, known before the panel itself is loaded.
export const ELEMENT_NAME = "margin-resectability-panel";
