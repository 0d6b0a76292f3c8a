import { byId, element } from "./dom.js";

const MAX_LINES = 300;
const MAX_TEXT = 200;
const ARROWS = { in: "←", out: "→", note: "•", bad: "•" };

/** The last events of a page, newest at the bottom. */
export class EventLog {
  #list = byId("log");
  #echoes = new Set();

  constructor() {
    const all = byId("log-all");
    all.addEventListener("change", () => {
      this.#list.classList.toggle("with-all", all.checked);
      this.#list.scrollTop = this.#list.scrollHeight;
    });
    byId("log-clear").addEventListener("click", () => this.#list.replaceChildren());
  }

  note = (text) => this.#add("note", text, false);

  problem = (text) => this.#add("bad", text, false);

  /** Adds a packet as sent over the wire. */
  packet = (direction, transport, text) => {
    this.#add(direction, `${transport === "websocket" ? "ws" : "http"} ${text}`, this.#isQuiet(text));
  };

  /** Heartbeats and round trip measurements, every few seconds; hidden by default. */
  #isQuiet(text) {
    // With carry, pings and pongs have a count of messages; a noop with a count is nothing else.
    if (/^(?:[23]\d*|6\d+\??)$/.test(text)) return true;
    const [, id] = /^42(?:\/broadcast,)?(\d+)\["echo"/.exec(text) ?? [];
    if (id !== undefined) {
      this.#echoes.add(id);
      return true;
    }
    const [, answered] = /^43(?:\/broadcast,)?(\d+)\[/.exec(text) ?? [];
    return answered !== undefined && this.#echoes.delete(answered);
  }

  #add(kind, text, isQuiet) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
    const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} … (${text.length} characters)` : text;
    const line = element(
      "li",
      { className: isQuiet ? `${kind} quiet-line` : kind },
      element("time", { textContent: new Date().toTimeString().slice(0, 8) }),
      element("span", { textContent: ARROWS[kind] }),
      element("span", { textContent: shown }),
    );
    list.append(line);
    while (list.childElementCount > MAX_LINES) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}
