import { element, hueOf, timeOfDay } from "./dom.js";

const MAX_MESSAGES = 200;

/** The picture of a message. A picture the server no longer keeps is said to be missing, not shown broken. */
function pictureOf({ picture }) {
  if (!picture) return undefined;
  if (!picture.bytes) return element("em", { className: "dim", textContent: "(a picture that is no longer kept)" });
  const image = element("img", { alt: "Picture of this message", decoding: "async" });
  image.src = URL.createObjectURL(new Blob([picture.bytes], { type: picture.type }));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  return image;
}

/** What was said in one room. */
export class MessageList {
  #rows = new Map();

  constructor(room) {
    this.element = element("ol", { role: "log", tabIndex: 0, ariaLabel: `Messages in ${room}` });
  }

  /** Adds a message unless it is there: after a reconnect the history brings known ones again. */
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

  /** A message got its final id: it was added under the key of the page that sent it. */
  rename(key, id) {
    const row = this.#rows.get(key);
    if (!row) return;
    this.#rows.delete(key);
    // The history may have brought it while its confirmation was lost.
    if (this.#rows.has(id)) row.remove();
    else this.#rows.set(id, row);
  }

  /** How far a message of this page got: waiting, taken, delivered or failed. */
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
