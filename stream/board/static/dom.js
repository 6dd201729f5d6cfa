// Elements without HTML: what came from a post can only ever become text.

/** An element with properties and children; strings become text nodes, null and false nothing. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child ?? false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Text that changes often: touched only when it differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make `parent` hold one child for each item, in order. A child is kept, with its focus, while its
 * item's key stays; `draw(item, old)` returns the child, or `old` itself if nothing changed.
 */
export function reconcile(parent, items, keyOf, draw) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const kept = old.get(key);
    const child = draw(item, kept);
    child.dataset.key = key;
    old.delete(key);
    if (kept && kept !== child) {
      if (before === kept) before = child;
      kept.replaceWith(child);
    }
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
  }
  for (const child of old.values()) child.remove();
}

/** Only http and https lead out of the page; anything else is no link at all. */
export function outwardUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

const BIDI = /[\u202A-\u202E\u2066-\u2069\u200E\u200F\u061C]/g;

/** A short name from outside (author, brand): without characters that reorder what is around it. */
export function name(text) {
  return h("bdi", { dir: "auto" }, text.replace(BIDI, ""));
}
