// Whether a value of the case's records is offered for a field. Pure: no page, no network.

/**
 * The recorded value as this field takes it, with the words beside it; null where there is none or
 * the field holds it already. `recorded` maps a field's name to {value, taken_on, reported}.
 */
export function offerFor(field, recorded, value) {
  const found = field.pointer === `/${field.name}` ? recorded?.[field.name] : undefined;
  if (!found) {
    return null;
  }
  const option = field.allOptions?.find((one) => String(one.value) === String(found.value));
  if (field.kind !== "number" && !option) {
    return null;
  }
  const taken = option ? option.value : found.value;
  if (taken === value) {
    return null;
  }
  const shown = option ? option.label : [found.value, field.unitText].filter(Boolean).join(" ");
  return { value: taken, words: `use recorded ${shown} (${found.taken_on})` };
}
