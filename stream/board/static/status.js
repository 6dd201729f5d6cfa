// The status line and, above everything, the one thing the reader must know before believing it.

import { h, reconcile, setText } from "./dom.js";
import { clockTime, count, decimal, fullTime, zone } from "./formats.js";
import { translated } from "./server_lines.js";
import { isLive, serviceNow, state } from "./state.js";
import { t } from "./words.js";

const line = document.getElementById("status");
const notice = document.getElementById("notice");

function condition() {
  if (!state.connected) return "offline";
  return state.status.problem ? "late" : state.status.data;
}

function entries() {
  const { status } = state;
  const now = serviceNow();
  const condition_ = condition();
  const found = [
    { key: "state", words: "status", value: t(condition_), class: `light ${condition_}` },
    {
      key: "time", words: "serviceTime", of: zone(now), value: clockTime(now, new Date(), true), title: fullTime(now),
      after: status.factor > 1 ? t("faster", decimal(status.factor)) : "",
      afterTitle: status.factor > 1 ? t("fasterLong", decimal(status.factor)) : "",
    },
    { key: "rate", words: "rate", value: decimal(status.posts_per_second) },
    {
      key: "data", words: "dataTo",
      value: status.data_to ? clockTime(new Date(status.data_to), now) : t("none"),
      class: status.data === "live" ? "" : "bad",
    },
  ];
  if (status.dead_letters !== null) {
    found.push({ key: "dead", words: "deadLetters", value: count(status.dead_letters) });
  }
  return found;
}

export function drawStatus() {
  if (!state.status) return;
  reconcile(line, entries(), (entry) => entry.key, (entry, old) => {
    const box = old ?? h("div", {}, h("dt"), h("dd", {}, h("span"), h("span", { class: "factor" })));
    const [term, definition] = box.children;
    const [value, after] = definition.children;
    box.className = entry.class ?? "";
    setText(term, t(entry.words, entry.of));
    setText(value, entry.value);
    setText(after, entry.after ?? "");
    value.title = entry.title ?? "";
    after.title = entry.afterTitle ?? "";
    return box;
  });
  document.querySelector("main").classList.toggle("stale", !isLive());
  drawNotice();
}

function noticeText() {
  const { status } = state;
  const now = serviceNow();
  if (!state.connected) return t("noticeOffline", clockTime(new Date(status.now), now, true));
  if (status.problem) return t("noticeProblem", translated(status.problem));
  if (status.data === "late") return t("noticeLate", clockTime(new Date(status.data_to), now));
  if (status.data === "none" && status.stored > 0) return t("noticeNone");
  return "";
}

function drawNotice() {
  const text = noticeText();
  setText(notice, text);
  notice.hidden = !text;
}
