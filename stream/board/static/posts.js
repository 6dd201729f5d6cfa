// The stream of scored posts, newest first. Everything a stranger wrote becomes text, never HTML.

import { address } from "./api.js";
import { h, name, outwardUrl, setText } from "./dom.js";
import { compact, count, duration, fullTime, languageName, languageTag, signed } from "./formats.js";
import { routeToPost } from "./routes.js";
import { DOM_ROWS, passes, serviceNow, state } from "./state.js";
import { t } from "./words.js";

const list = document.getElementById("posts");
const counter = document.getElementById("post-count");
const file = document.getElementById("posts-csv");
const pauseButton = document.getElementById("pause");
const SIGNS = { negative: "−", neutral: "○", positive: "+" };
const WEIGHT = { negative: 2, positive: 1, neutral: 0 };
let waiting = 0;

/** The label that colours a row: of the brand looked at, else the one most in need of a look. */
function leading(row, brand) {
  const own = brand && row.mentions.find((mention) => mention.brand === brand);
  const worst = row.mentions.reduce((a, b) => (WEIGHT[b.label] > WEIGHT[a.label] ? b : a));
  return (own || worst).label;
}

/** The text with the brands' words marked. Offsets count code points, as the server does. */
export function marked(row) {
  const points = [...row.text];
  const parts = [];
  let at = 0;
  for (const [start, end] of row.marks) {
    parts.push(points.slice(at, start).join(""), h("mark", {}, points.slice(start, end).join("")));
    at = end;
  }
  parts.push(points.slice(at).join(""));
  return h("p", { class: "text", dir: "auto", lang: languageTag(row.lang) },
    row.cut[0] ? "… " : null, ...parts.filter((part) => part !== ""), row.cut[1] ? " …" : null);
}

function chip(mention) {
  return h("span", { class: `chip ${mention.label}` },
    h("b", {}, name(mention.brand)), " ",
    h("span", {}, t(mention.label)), " ",
    h("span", { class: "number" }, signed(mention.score)));
}

function age(row) {
  const created = new Date(row.created_at);
  return h("a", { href: routeToPost(row), "aria-label": t("stepsOf", fullTime(created)) },
    h("time", { datetime: row.created_at, title: fullTime(created) },
      duration((serviceNow() - created) / 1000, "narrow")));
}

function reactions(row) {
  const parts = [];
  const part = (value, sign, words) => value && parts.push(
    h("span", { title: t(words, count(value)) },
      h("span", { "aria-hidden": "true" }, `${sign} ${compact(value)}`),
      h("span", { class: "hidden" }, t(words, count(value)))));
  part(row.likes, "♡", "likes");
  part(row.shares, "⇄", "shares");
  part(row.replies, "↩", "replies");
  return parts;
}

function byline(row) {
  const url = row.url ? outwardUrl(row.url) : null;
  const parts = [
    row.author && h("span", { class: "author" }, name(row.author)),
    row.followers > 0 && h("span", {}, t("followers", compact(row.followers))),
    row.rating !== null && h("span", {}, `★ ${t("rating", row.rating)}`),
    ...reactions(row),
    row.edited && h("span", {}, t("edited")),
    url && h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" },
      t("open", url.host)),
  ].filter(Boolean);
  return parts.length ? h("p", { class: "byline" }, parts) : null;
}

/** A post as a row of a list; `brand` is the one that the list is about, if it is about one. */
export function postItem(row, brand = "") {
  const label = leading(row, brand);
  const topics = [...new Set(row.mentions.flatMap((mention) => mention.topics))].slice(0, 4);
  const element = h("li", { class: `post ${label}` },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[label]),
    h("div", { class: "body" },
      h("div", { class: "about" },
        row.mentions.slice(0, 6).map(chip),
        topics.map((topic) => h("span", { class: "topic" }, name(topic))),
        h("span", { class: "where" },
          h("span", {}, row.source), row.lang && h("span", { title: languageName(row.lang) }, row.lang),
          age(row))),
      marked(row),
      byline(row)));
  element.dataset.key = row.key;
  return element;
}

const item = (row) => postItem(row, state.filter.brand);
const elementOf = (key) => list.querySelector(`:scope > li[data-key="${CSS.escape(key)}"]`);

function drawCount() {
  const rows = [...state.posts.values()];
  const matching = rows.filter(passes).length;
  setText(counter, rows.length ? t("shown", Math.min(matching, DOM_ROWS), rows.length) : "");
}

function drawPause() {
  pauseButton.setAttribute("aria-pressed", String(state.paused));
  setText(pauseButton, state.paused ? t("resume", waiting) : t("pause"));
}

function emptyState(clear) {
  const box = (lead, text, code, button) => h("li", { class: "empty" },
    h("p", { class: "lead" }, t(lead)), h("p", {}, t(text)),
    code && h("pre", {}, h("code", {}, code)), button);
  if (state.posts.size) {
    return box("noMatch", "noMatchText", null,
      h("button", { type: "button", onclick: clear }, t("clear")));
  }
  if (state.status?.stored > 0) return box("noneNamed", "noneNamedText", "undertone doctor");
  return box("noPosts", "noPostsText", "undertone produce posts.jsonl\nundertone demo");
}

let clearFilters = () => {};

/** Draw the stream anew: after a filter, a language or a whole snapshot. */
export function drawPosts() {
  waiting = 0;
  const rows = [...state.posts.values()].filter(passes).slice(-DOM_ROWS).reverse();
  const { brand, label, text } = state.filter;
  file.href = address("posts", { brand, label, q: text, format: "csv" });
  list.replaceChildren(...(rows.length ? rows.map(item) : [emptyState(clearFilters)]));
  drawCount();
  drawPause();
}

/** Follow a change: new rows on top (unless paused), edits in place, removed ones go at once. */
export function followPosts(fresh, change) {
  for (const key of change.removed) elementOf(key)?.remove();
  const isNew = new Set(fresh);
  for (const row of change.rows) {
    if (isNew.has(row.key)) continue;
    const old = elementOf(row.key);
    if (old && passes(row)) old.replaceWith(item(row));
    else old?.remove();
  }
  const rows = fresh.map((key) => state.posts.get(key)).filter((row) => row && passes(row));
  if (state.paused) {
    waiting += rows.length;
  } else if (rows.length) {
    list.querySelector(":scope > .empty")?.remove();
    const elements = rows.slice(-DOM_ROWS).reverse().map(item);
    for (const element of elements) element.classList.add("fresh");
    list.prepend(...elements);
    while (list.children.length > DOM_ROWS) list.lastElementChild.remove();
  }
  if (!list.children.length) drawPosts();
  drawCount();
  drawPause();
}

/** The ages of what is shown, as time goes by. */
export function drawAges() {
  const now = serviceNow();
  for (const time of list.querySelectorAll("time")) {
    setText(time, duration((now - Date.parse(time.dateTime)) / 1000, "narrow"));
  }
}

/** Wire the pause button; `clear` frees all filters. */
export function startPosts(clear) {
  clearFilters = clear;
  pauseButton.addEventListener("click", () => {
    state.paused = !state.paused;
    if (state.paused) drawPause();
    else drawPosts();
  });
}
