// Small things both pages build with. Text of other people only ever becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/**
 * The client that the server hands out. The page says by itself, a few seconds late, that its scripts do not run: that is
 * taken back here, or said at once where only the client is missing.
 */
export function loadedClient() {
  if (window.io === undefined) {
    byId("unscripted").classList.remove("late");
    throw new Error("The client, socket.io.min.js, was not loaded: something may block it.");
  }
  byId("unscripted").remove();
  return window.io;
}

/** An element with properties and children; strings become text nodes, undefined is left out. */
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

/** A colour for a name: the same one on every page. */
export function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 65_521;
  // Steps of the golden angle: names that differ by little get colours that differ by much.
  return Math.round(hash * 137.508) % 360;
}

/** What storage gives, or undefined where the browser forbids it. */
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
      // A private window without storage: the page works, it only forgets.
    }
  },
};
