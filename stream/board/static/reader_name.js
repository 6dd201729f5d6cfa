// The name of whoever acts, which the browser remembers for the next time.

import { h } from "./dom.js";
import { remember, remembered } from "./words.js";

const KEY = "undertone.name";

/** A field for it; `known` is that of who is signed in, and is not to be changed. */
export const nameField = (field, known = "") => h("input", {
  name: field, required: true, maxlength: 100, autocomplete: "name",
  value: known || remembered(KEY) || "", readonly: Boolean(known),
});

export const rememberName = (name) => remember(KEY, name);
