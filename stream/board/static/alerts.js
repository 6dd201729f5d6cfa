// Incidents: what fired, in words; since when; the posts that tell why; who was told.

import { h, name, reconcile, setText } from "./dom.js";
import { clockTime, count, decimal, duration, fullTime, percent } from "./formats.js";
import { marked } from "./posts.js";
import { routeTo } from "./routes.js";
import { translated } from "./server_lines.js";
import { isLive, serviceNow, setTitle, state } from "./state.js";
import { currentLanguage, t } from "./words.js";

const list = document.getElementById("alert-list");
const counter = document.getElementById("alert-count");
const announcer = document.getElementById("announcer");
const TELLING = 3;
const drawn = new WeakMap();

const byShare = (alert) => alert.condition === "share" && alert.share !== null;

/** What fired: "31 negative of 44 mentions in 30 min, expected 4". */
export function inWords(alert) {
  const { negative, mentions, minutes, observed, expected } = alert;
  if (alert.kind === "no_data") return translated(alert.summary);
  if (mentions === null || minutes === null) {
    return t("firedPlain", decimal(observed), decimal(expected));
  }
  const during = duration(minutes * 60);
  if (byShare(alert)) {
    return t("firedShare", percent(alert.share), count(mentions), during,
      percent(alert.expected_share ?? 0));
  }
  return t("firedCount", count(negative ?? observed), count(mentions), during, decimal(expected));
}

/** Whom it is about; what tells that nothing is known may be about no brand. */
export const subject = (alert) => alert.brand || alert.topic;

/** The same with its topic beside it, for a title or the head of a row. */
export const about = (alert) => [name(subject(alert)),
  alert.brand && alert.topic && h("span", { class: "topic" }, " ", name(alert.topic))];

/** How it stands, in a word. */
export const standing = ({ state: of }) => t(of === "open" ? "inState" : of);

function when(alert) {
  const now = serviceNow();
  const opened = new Date(alert.opened_at);
  const end = alert.open ? now : new Date(alert.changed_at);
  return h("p", { class: "when" }, h("time", { datetime: alert.opened_at, title: fullTime(opened) },
    t(alert.open ? "since" : "lasted", clockTime(opened, now), duration((end - opened) / 1000))));
}

/** Observed against expected as two bars at one scale; the words beside them say the same. */
function bars(alert) {
  const [observed, expected, show] = byShare(alert)
    ? [alert.share, alert.expected_share ?? 0, percent]
    : [alert.observed, alert.expected, decimal];
  const most = Math.max(observed, expected) || 1;
  const row = (key, value) => {
    const bar = h("span", { class: `bar ${key}` });
    bar.style.width = `${Math.max(1, (100 * value) / most)}%`; // by the object model: CSP allows it
    return h("div", { class: "measure" }, h("span", {}, t(key)), h("span", { class: "track" }, bar),
      h("span", { class: "number" }, show(value)));
  };
  return h("div", { class: "bars", "aria-hidden": "true" },
    row("observed", observed), row("expected", expected));
}

/** How many people say it, in how many different texts, and with which words. */
function who(alert) {
  const lines = [];
  if (alert.authors !== null && alert.texts !== null) {
    lines.push(h("p", { class: "when" }, t("voices", count(alert.authors), count(alert.texts))));
  }
  const { authors, copies } = alert.carried;
  const notes = [
    authors && t("carriedAuthors", count(authors[0]), percent(authors[1])),
    copies && t("carriedCopies", count(copies[0]), count(copies[1])),
    ...alert.unusual.map((one) => t("unusual", one.name, percent(one.share), percent(one.usual_share))),
  ].filter(Boolean);
  lines.push(...notes.map((note) => h("p", { class: "when" }, note)));
  if (alert.open && alert.terms.length > 1) { // one word alone is no pattern
    lines.push(h("p", { class: "terms" }, h("span", { class: "hidden" }, t("terms")),
      alert.terms.map((term) => h("span", {}, name(term)))));
  }
  return lines;
}

/** Receivers live on the wall clock; while a demo's clock is elsewhere, their times say nothing. */
function sentAt(delivery) {
  const now = serviceNow();
  const elsewhere = Math.abs(now - Date.now()) > 120_000;
  return elsewhere ? "" : clockTime(new Date(delivery.at), now);
}

function told(delivery) {
  const { receiver, outcome, attempts, status_code: code } = delivery;
  if (outcome === "sent") return ["good", t("sent", receiver, sentAt(delivery))];
  if (outcome === "gave_up") return ["bad", t("gaveUp", receiver, attempts)];
  if (outcome === "disabled") return ["bad", t("disabled", receiver)];
  return ["bad", t("retrying", receiver, attempts, code ? ` (${code})` : "")];
}

function deliveries(alert) {
  const known = new Map(alert.deliveries.map((delivery) => [delivery.receiver, told(delivery)]));
  for (const receiver of alert.receivers) {
    if (!known.has(receiver)) known.set(receiver, ["", t("waiting", receiver)]);
  }
  if (!known.size) known.set("", ["", t("noReceivers")]);
  const sign = { good: "✓ ", bad: "! ", "": "· " };
  return h("ul", { class: "told" }, [...known.values()].map(([kind, words]) =>
    h("li", { class: kind }, h("span", { "aria-hidden": "true" }, sign[kind]), words)));
}

function quotes(alert) {
  if (!alert.posts.length) return null;
  return h("div", { class: "telling" }, h("h4", {}, t("telling")),
    h("ul", {}, alert.posts.slice(0, TELLING).map((row) =>
      h("li", {}, marked(row), h("p", { class: "byline" },
        row.author && h("span", { class: "author" }, name(row.author)),
        h("span", {}, row.source))))));
}

function card(alert) {
  return h("article", { class: `alert ${alert.severity}${alert.open ? " open" : ""}` },
    h("div", { class: "title" },
      h("h3", {}, h("a", { href: routeTo("incident", [alert.id]) }, about(alert))),
      h("span", { class: `severity ${alert.severity}` }, t(alert.severity)),
      alert.state !== "open" && h("span", { class: "state" }, standing(alert))),
    h("p", { class: "fired" }, inWords(alert)),
    alert.open && alert.kind === "mood" && bars(alert),
    when(alert),
    who(alert),
    quotes(alert),
    deliveries(alert));
}

const elapsed = (alert) => (alert.open ? Math.floor((serviceNow() - Date.parse(alert.opened_at)) / 6e4) : 0);

function drawCards(parent, alerts) {
  reconcile(parent, alerts, (alert) => alert.id, (alert, old) => {
    const picture = JSON.stringify([alert, currentLanguage(), elapsed(alert)]);
    if (old && drawn.get(old) === picture) return old;
    const fresh = card(alert);
    drawn.set(fresh, picture);
    return fresh;
  });
}

const openBox = h("div", { class: "cards" });
const pastBox = h("div", { class: "cards" });
const pastTitle = h("summary");
const past = h("details", { class: "past" }, pastTitle, pastBox);
past.open = matchMedia("(min-width: 75rem)").matches; // where there is room beside the posts
const calm = h("div", { class: "empty" });

export function drawAlerts() {
  const open = state.alerts.filter((alert) => alert.open);
  const closed = state.alerts.filter((alert) => !alert.open);
  if (!list.contains(openBox)) list.replaceChildren(openBox, calm, past);
  drawCards(openBox, open);
  drawCards(pastBox, closed);
  calm.hidden = open.length > 0;
  calm.replaceChildren(h("p", { class: "lead" }, t(isLive() ? "calm" : "none")),
    h("p", {}, t(isLive() ? "calmText" : "unknownText")));
  past.hidden = closed.length === 0;
  setText(pastTitle, t("past", count(closed.length)));
  setText(counter, isLive() || open.length ? t("openCount", open.length) : "");
  setTitle();
}

/** Say aloud what opened or ended since `before`; the cards themselves are not a live region. */
export function announce(before) {
  const was = new Map(before.map((alert) => [alert.id, alert.open]));
  const news = state.alerts.flatMap((alert) => {
    if (alert.open && !was.get(alert.id)) return [t("announceOpen", subject(alert), inWords(alert))];
    if (!alert.open && was.get(alert.id)) return [t("announceClosed", subject(alert))];
    return [];
  });
  if (news.length) announcer.textContent = news.join(". ");
}
