// Shared functions of both pages. Text of other users becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/**
 * Returns the client served by the server. The page shows a notice after a few seconds if scripts do not run; this removes
 * the notice, or shows another one at once if only the client is missing.
 */
export function loadedClient() {
  if (window.io === undefined) {
    byId("unscripted").classList.remove("late");
    throw new Error("The client, socket.io.min.js, was not loaded: something may block it.");
  }
  byId("unscripted").remove();
  return window.io;
}

/** Creates an element with properties and children; strings become text nodes, undefined is skipped. */
export function element(tag, properties = {}, ...children) {
  const { dataset, ...others } = properties;
  const node = Object.assign(document.createElement(tag), others);
  Object.assign(node.dataset, dataset);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

export function svgElement(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(36)).join("");

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const timeOfDay = (time) => timeFormat.format(time);

export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

export function fileSize(bytes) {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Returns the colour of a name, equal on all pages. */
export function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 65_521;
  // Steps of the golden angle, so that similar names get different colours.
  return Math.round(hash * 137.508) % 360;
}

/** Reads from storage; undefined if the browser forbids it. */
export const storage = {
  get(area, key) {
    try {
      return area().getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  },
  set(area, key, value) {
    try {
      area().setItem(key, value);
    } catch {
      // A private window without storage: the page works, but does not remember.
    }
  },
};
