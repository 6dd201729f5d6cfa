// The parts of an address, for links of the page and for the API. Pure.

/** A path of encoded parts: `path("posts", source, id)`. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

/** `?a=b&c=d`; parameters that say nothing are left out, and without any it is empty. */
export function query(params) {
  const said = Object.entries(params).filter(([, value]) => value !== "" && value != null);
  return said.length ? `?${new URLSearchParams(said)}` : "";
}
