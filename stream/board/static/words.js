// The words of the page in the reader's language.

import en from "./words_en.js";
import zh from "./words_zh.js";

const WORDS = { en, zh };

export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}

const chosen = remembered("undertone.language");
let language = chosen in WORDS ? chosen : navigator.language.startsWith("zh") ? "zh" : "en";

export const currentLanguage = () => language;
export const otherLanguage = () => (language === "en" ? "zh" : "en");

/** The word for `key`, called with `values` if it takes any. An unknown key reads as itself. */
export function t(key, ...values) {
  const word = WORDS[language][key];
  return typeof word === "function" ? word(...values) : word ?? key;
}

/** Change the language and the words that stand in the HTML. */
export function setLanguage(next) {
  language = next;
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = t(element.dataset.placeholder);
  }
}
