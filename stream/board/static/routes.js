// Deep links: `#/brand/Acme?from=…&to=…` is the view "brand", its parts and its parameters. Pure.

import { path, query } from "./addresses.js";

/** What a link means. What cannot be read means the view "now". */
export function parseRoute(hash) {
  const [place, ...rest] = hash.replace(/^#\/?/, "").split("?");
  let parts;
  try {
    parts = place.split("/").map(decodeURIComponent);
  } catch {
    parts = [""];
  }
  const params = Object.fromEntries(new URLSearchParams(rest.join("?")));
  return { view: parts[0] || "now", parts: parts.slice(1), params };
}

/** The link to a view; parameters that say nothing are left out. */
export function routeTo(view, parts = [], params = {}) {
  return `#/${path(view, ...parts)}${query(params)}`;
}

export const routeToPost = (post) =>
  routeTo("post", [post.source, post.key.slice(post.source.length + 1)]);
