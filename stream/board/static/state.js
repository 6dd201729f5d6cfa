// What the page knows, and what the reader has chosen. One object; the parts draw from it.

export const DOM_ROWS = 200;
const KEPT_ROWS = 1000;

export const state = {
  posts: new Map(), // by key, oldest first; an edit keeps its place
  brands: [],
  alerts: [],
  status: null,
  statusAt: 0, // performance.now() when `status` came
  connected: false,
  filter: { brand: "", label: "", text: "" },
  paused: false,
};

/** Service time now: in a demo it runs ahead of the last message by the clock's factor. */
export function serviceNow() {
  if (!state.status) return new Date();
  const passed = performance.now() - state.statusAt;
  return new Date(Date.parse(state.status.now) + passed * state.status.factor);
}

export function setStatus(status) {
  state.status = status;
  state.statusAt = performance.now();
}

export function setPosts(rows) {
  state.posts = new Map(rows.map((row) => [row.key, row]));
}

/** Apply new, replaced and removed rows; returns the keys of the new ones, oldest first. */
export function changePosts({ rows, removed }) {
  for (const key of removed) state.posts.delete(key);
  const fresh = rows.filter((row) => !state.posts.has(row.key)).map((row) => row.key);
  for (const row of rows) state.posts.set(row.key, row);
  for (const key of state.posts.keys()) {
    if (state.posts.size <= KEPT_ROWS) break;
    state.posts.delete(key);
  }
  return fresh;
}

/** Whether a post passes the filters. Brand and label must hold of one and the same mention. */
export function passes(row) {
  const { brand, label, text } = state.filter;
  const mentioned = row.mentions.some(
    (mention) => (!brand || mention.brand === brand) && (!label || mention.label === label),
  );
  if (!mentioned) return false;
  if (!text) return true;
  const wanted = text.toLowerCase();
  return row.text.toLowerCase().includes(wanted) || row.author.toLowerCase().includes(wanted);
}

/** The last hour is known well enough to speak of calm. */
export const isLive = () => state.connected && state.status?.data === "live" && !state.status.problem;

let viewTitle = "";

/** The window's title: how many incidents are open, and what is looked at. Without a text, as it was. */
export function setTitle(text = viewTitle) {
  viewTitle = text;
  const open = state.alerts.filter((alert) => alert.open).length;
  document.title = `${open ? `(${open}) ` : ""}${text ? `${text} · ` : ""}Undertone`;
}
