// The brands: who is in trouble, how each one's last hour reads, and its last day.

import { inWords } from "./alerts.js";
import { dayChart } from "./chart.js";
import { h, name, reconcile, setText } from "./dom.js";
import { count, percent, signed } from "./formats.js";
import { routeTo } from "./routes.js";
import { isLive, serviceNow, state } from "./state.js";
import { currentLanguage, t } from "./words.js";

const FEW = 5; // below so many mentions a mean says little, and is drawn faint
const TOPIC_SPEAKS_AT = 3; // negative mentions of a topic in the hour
const list = document.getElementById("brand-list");
const drawn = new WeakMap();

/** Brands in an open incident first, then by how much is said about them. */
export function ordered() {
  const volume = (brand) => brand.hour.mentions + brand.before.mentions;
  return [...state.brands].sort((a, b) =>
    Number(Boolean(b.incident)) - Number(Boolean(a.incident))
    || volume(b) - volume(a) || a.name.localeCompare(b.name));
}

/** How a mean score reads: its class. */
export const sideOf = (net) => (net <= -0.15 ? "negative" : net >= 0.15 ? "positive" : "neutral");

function change(brand) {
  if (brand.hour.mentions < FEW || brand.before.mentions < FEW) return null;
  const difference = brand.hour.net - brand.before.net;
  if (Math.abs(difference) < 0.05) return h("span", { class: "change" }, t("unchanged"));
  const arrow = difference < 0 ? "▼" : "▲";
  const side = difference < 0 ? "negative" : "positive";
  return h("span", { class: "change" },
    h("span", { class: side, "aria-hidden": "true" }, arrow, " "),
    t("change", signed(difference)));
}

/** Nothing said is no calm while nothing is heard. */
const isKnown = (brand) => isLive() && !state.alerts.some((alert) =>
  alert.open && alert.kind === "no_data" && (!alert.brand || alert.brand === brand.name));

function figures(brand) {
  const { mentions, negative, net } = brand.hour;
  if (!mentions) {
    const key = isKnown(brand) ? "noMentions" : "notKnown";
    return { mood: h("p", { class: "mood nothing" }, isKnown(brand) ? "–" : t("noData")),
      facts: [h("span", {}, t(key))] };
  }
  const facts = [
    h("span", { class: negative / mentions >= 0.5 ? "negative strong" : "" },
      t("shareNegative", percent(negative / mentions))),
    h("span", {}, t("mentions", mentions, count(mentions))),
  ];
  return {
    mood: h("p", { class: `mood ${sideOf(net)}${mentions < FEW ? " few" : ""}` },
      h("span", { class: "hidden" }, t("net"), " "), signed(net)),
    facts,
  };
}

function topics(brand) {
  const told = brand.topics.filter((topic) => topic.negative >= TOPIC_SPEAKS_AT);
  if (!told.length) return null;
  return h("p", { class: "topics" }, told.map((topic) =>
    h("span", { class: "topic" }, name(topic.topic), " ",
      h("span", { class: "number negative" }, "−", count(topic.negative)))));
}

function tile(brand) {
  const fired = state.alerts.find((alert) => alert.open && alert.brand === brand.name);
  const { mood, facts } = figures(brand);
  const button = h("button", {
    type: "button", class: "cover", "aria-label": t("showOnly", brand.name),
    "aria-pressed": String(state.filter.brand === brand.name),
  }, name(brand.name));
  return h("li", { class: `brand${brand.incident ? " incident" : ""}` },
    h("div", { class: "title" },
      h("h3", {}, button),
      brand.incident && h("span", { class: `severity ${brand.incident}` },
        h("span", { "aria-hidden": "true" }, "● "), t("incident")),
      h("a", { class: "more", href: routeTo("brand", [brand.name]), "aria-label": t("moreOf", brand.name) }, t("details"), " ›")),
    fired && h("p", { class: "why" }, inWords(fired)),
    mood,
    dayChart(brand.day, serviceNow()),
    h("p", { class: "facts" }, ...facts, change(brand)),
    topics(brand));
}

export function drawBrands() {
  if (!state.brands.length) {
    list.replaceChildren(h("li", { class: "empty" },
      h("p", { class: "lead" }, t("noBrands")), h("p", {}, t("noBrandsText"))));
    return;
  }
  reconcile(list, ordered(), (brand) => brand.name, (brand, old) => {
    const chosen = state.filter.brand === brand.name;
    const fired = state.alerts.find((alert) => alert.open && alert.brand === brand.name)?.id;
    const picture = JSON.stringify([brand, chosen, isKnown(brand), currentLanguage(), fired]);
    if (old && drawn.get(old) === picture) return old;
    const fresh = tile(brand);
    if (!old) {
      drawn.set(fresh, picture);
      return fresh;
    }
    // Keep the element and its button, so that focus stays where it is.
    const button = old.querySelector("button.cover");
    const next = fresh.querySelector("button.cover");
    button.setAttribute("aria-pressed", next.getAttribute("aria-pressed"));
    button.setAttribute("aria-label", next.getAttribute("aria-label"));
    old.className = fresh.className;
    const [, ...rest] = fresh.children;
    const badge = fresh.querySelector(".severity");
    old.querySelector(".severity")?.remove();
    if (badge) old.querySelector("h3").after(badge);
    const more = old.querySelector("a.more"); // its words may be of another language
    setText(more, fresh.querySelector("a.more").textContent);
    more.setAttribute("aria-label", t("moreOf", brand.name));
    while (old.children.length > 1) old.lastElementChild.remove();
    old.append(...rest);
    drawn.set(old, picture);
    return old;
  });
}

/** Call `choose(brand)` when a tile is pressed; pressing the chosen one again frees the filter. */
export function onBrandChosen(choose) {
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li[data-key]");
    if (!item || !event.target.closest("button.cover")) return;
    choose(state.filter.brand === item.dataset.key ? "" : item.dataset.key);
  });
}

const select = document.getElementById("filter-brand");

/** The same choice as a list, for whoever filters from the toolbar. */
export function drawBrandFilter() {
  const names = state.brands.map((brand) => brand.name).sort((a, b) => a.localeCompare(b));
  reconcile(select, ["", ...names], (key) => key, (key, old) => {
    const option = old ?? h("option", { value: key });
    setText(option, key || t("allBrands"));
    return option;
  });
  select.value = state.filter.brand;
}
