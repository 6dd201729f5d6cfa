// What the views ask of /api/v1. A refusal comes as one line that names the field and the fix.

import { query } from "./addresses.js";
import { translated } from "./server_lines.js";
import { t } from "./words.js";

/** A request that failed, in words for the reader. `status` 0: no answer at all. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The address of an answer. */
export const address = (of, params = {}) => `/api/v1/${of}${query(params)}`;

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
  throw new Refused(body?.error ? translated(body.error) : t("badAnswer", response.status), response.status);
}

export const get = (of, params) => answered(address(of, params), { headers: { Accept: "application/json" } });

export const post = (of, body) => answered(address(of), {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});
