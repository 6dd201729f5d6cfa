// Acknowledge, comment, silence: who does it is recorded, so who it is must be known.

import { path } from "./addresses.js";
import { get, post } from "./api.js";
import { h, name } from "./dom.js";
import { clockTime } from "./formats.js";
import { panel } from "./panel.js";
import { nameField, rememberName } from "./reader_name.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

const LENGTHS = ["1h", "4h", "8h", "1d", "7d"];

const covers = (silence, incident) => ["rule", "brand", "topic"].every((key) =>
  silence[key] === "*" || silence[key] === incident[key]);

/** `load()` gives the incident's life; `done()` is called once something was done. */
export function actsPanel({ id, load, done }) {
  const said = h("p", { role: "status", class: "soft" });
  const wrong = h("p", { class: "failed", role: "alert", hidden: true });

  async function act(of, body, words) {
    wrong.hidden = true;
    try {
      await post(of, body);
      said.textContent = words;
      await done();
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
    }
  }

  function draw({ incident, silences, who }) {
    if (!who.may_act) return h("p", { class: "hint" }, t("mayNotAct"));
    const by = nameField("by", who.name);
    const comment = h("textarea", { name: "comment", rows: 2, maxlength: 2000 });
    const length = h("select", { name: "lasts", "aria-label": t("silenceFor") },
      LENGTHS.map((one) => h("option", { value: one }, t(`for_${one}`))));
    const whose = () => {
      if (!who.name) rememberName(by.value.trim());
      return { by: by.value.trim(), comment: comment.value.trim() };
    };
    const doing = (act_) => () => (form.reportValidity() ? act_() : undefined);
    const button = (words, does, more = {}) => h("button", { type: "button", onclick: doing(does), ...more }, words);
    const inForce = silences.filter((one) => covers(one, incident));
    const form = h("form", { class: "act", onsubmit: (event) => event.preventDefault() },
      h("label", {}, h("span", {}, t("yourName")), by),
      h("label", { class: "grow" }, h("span", {}, t("comment")), comment),
      h("div", { class: "buttons" },
        !incident.resolved && button(t("acknowledge"), () => act(path("incidents", id, "acknowledge"), whose(), t("acknowledgedNow")),
          { class: "main", disabled: Boolean(incident.acknowledged_by) }),
        button(t("addComment"), () => {
          if (comment.value.trim()) return act(path("incidents", id, "comment"), whose(), t("commentedNow"));
          comment.focus();
          return undefined;
        }),
        !incident.resolved && h("span", { class: "pair" }, length,
          button(t("silence"), () => act("silences", { ...whose(), alert: id, lasts: length.value }, t("silencedNow"))))));
    const over = inForce.map((one) => h("p", { class: "in-force" },
      t("silencedUntil", clockTime(new Date(one.ends_at), serviceNow())), " ", name(one.actor), one.comment && `: ${one.comment}`, " ",
      button(t("endSilence"), () => act(path("silences", one.silence_id, "end"), { by: by.value.trim() }, t("endedNow")))));
    return [form, ...over];
  }

  const own = panel({
    title: t("act"), className: "acts", draw,
    load: async () => {
      const [{ incident }, silences, who] = await Promise.all([load(), get("silences"), get("me")]);
      // What changes as time goes by must not redraw a form that somebody is filling in.
      const { resolved, rule, brand, topic, acknowledged_by } = incident;
      return { incident: { resolved, rule, brand, topic, acknowledged_by }, silences, who };
    },
  });
  own.element.append(said, wrong);
  return own;
}
