// Deep links: `#/brand/Acme?from=…&to=…` is the view "brand", its parts and its parameters. Pure.

/** What a link means. What cannot be read means the view "now". */
export function parseRoute(hash) {
  const [path, ...rest] = hash.replace(/^#\/?/, "").split("?");
  let parts;
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    parts = [""];
  }
  const params = Object.fromEntries(new URLSearchParams(rest.join("?")));
  return { view: parts[0] || "now", parts: parts.slice(1), params };
}

/** The link to a view; parameters that say nothing are left out. */
export function routeTo(view, parts = [], params = {}) {
  const said = Object.entries(params).filter(([, value]) => value !== "" && value != null);
  const query = new URLSearchParams(said).toString();
  return `#/${[view, ...parts].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

export const routeToPost = (post) =>
  routeTo("post", [post.source, post.post_id ?? post.key.slice(post.source.length + 1)]);
