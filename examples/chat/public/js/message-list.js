import { element, hueOf, timeOfDay } from "./dom.js";

const MAX_MESSAGES = 200;

/** Returns the picture of a message, or a text if the server no longer has it. */
function pictureOf({ picture }) {
  if (!picture) return undefined;
  if (!picture.bytes) return element("em", { className: "dim", textContent: "(picture no longer stored)" });
  const image = element("img", { alt: "Picture of this message", decoding: "async" });
  image.src = URL.createObjectURL(new Blob([picture.bytes], { type: picture.type }));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  return image;
}

/** The messages of one room. */
export class MessageList {
  #rows = new Map();

  constructor(room) {
    this.element = element("ol", { role: "log", tabIndex: 0, ariaLabel: `Messages in ${room}` });
  }

  /** Adds a message unless it exists: after a reconnection the history contains known ones. */
  add(message) {
    if (this.#rows.has(message.id)) return undefined;
    const ticks = element("span", { className: "message-ticks" });
    const author = element("b", { textContent: message.name });
    author.style.setProperty("--hue", String(hueOf(message.name)));
    const row = element(
      "li",
      { className: message.isMine ? "message mine" : "message" },
      element(
        "div",
        { className: "message-head" },
        author,
        element("time", { textContent: timeOfDay(message.time) }),
        ticks,
      ),
      message.text === "" ? undefined : element("div", { textContent: message.text }),
      pictureOf(message),
    );
    this.#rows.set(message.id, row);
    this.#append(row);
    for (const image of row.querySelectorAll("img")) image.addEventListener("load", () => this.#scroll());
    return row;
  }

  /** Sets the final id of a message, which was added under its page's key. */
  rename(key, id) {
    const row = this.#rows.get(key);
    if (!row) return;
    this.#rows.delete(key);
    // The history may contain it already, if its confirmation was lost.
    if (this.#rows.has(id)) row.remove();
    else this.#rows.set(id, row);
  }

  /** Sets the state of a message of this page: waiting, taken, delivered or failed. */
  tick(id, ticks, text) {
    const mark = this.#rows.get(id)?.querySelector(".message-ticks");
    if (!mark) return;
    mark.dataset.ticks = ticks;
    mark.textContent = text;
  }

  announce(text) {
    this.#append(element("li", { className: "message announcement", textContent: `Announcement: ${text}` }));
  }

  #append(row) {
    const list = this.element;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(row);
    if (this.#rows.size > MAX_MESSAGES) {
      const [oldest, oldestRow] = this.#rows.entries().next().value;
      this.#rows.delete(oldest);
      oldestRow.remove();
    }
    if (atEnd || row.classList.contains("mine")) this.#scroll();
  }

  #scroll() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
