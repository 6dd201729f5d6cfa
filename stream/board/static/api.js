// What the views ask of /api/v1. A refusal comes as one line that names the field and the fix.

import { t } from "./words.js";

/** A request that failed, in words for the reader. `status` 0: no answer at all. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The address of an answer; parameters that say nothing are left out. */
export function address(path, params = {}) {
  const said = Object.entries(params).filter(([, value]) => value !== "" && value != null);
  const query = new URLSearchParams(said).toString();
  return `/api/v1/${path}${query ? `?${query}` : ""}`;
}

/** A path of encoded parts: `path("posts", source, id)`. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

async function answered(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Refused(t("noAnswer"));
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  if (response.status === 401) dispatchEvent(new Event("undertone:login"));
  throw new Refused(body?.error ?? t("badAnswer", response.status), response.status);
}

export const get = (of, params) => answered(address(of, params), { headers: { Accept: "application/json" } });

export const post = (of, body) => answered(address(of), {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});
