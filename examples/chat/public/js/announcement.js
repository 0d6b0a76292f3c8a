import { element, milliseconds, svgElement } from "./dom.js";

const middle = (sorted) => {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** One announcement with its receipts: their number and their times. */
export class Announcement {
  #total;
  #times = [];
  #missing = [];
  #count = element("dd");
  #min = element("dd", { textContent: "–" });
  #median = element("dd", { textContent: "–" });
  #max = element("dd", { textContent: "–" });
  #progress = element("progress", { ariaLabel: "Pages that confirmed" });
  #strip = svgElement("svg", { class: "strip", "aria-hidden": "true" });
  #missingLine = element("p", { className: "missing" });

  constructor(text, audience, total) {
    this.#total = total;
    this.#progress.max = Math.max(total, 1);
    const pair = (name, value) => element("div", {}, element("dt", { textContent: name }), value);
    this.element = element(
      "li",
      { className: "result" },
      element(
        "div",
        { className: "result-head" },
        element("b", { textContent: text }),
        element("span", { textContent: `to ${audience}` }),
      ),
      this.#progress,
      element(
        "dl",
        {},
        pair("received", this.#count),
        pair("fastest", this.#min),
        pair("median", this.#median),
        pair("slowest", this.#max),
      ),
      this.#strip,
      this.#missingLine,
    );
    this.#render();
  }

  /** Adds receipts of some pages; a receipt without a time was not sent in time. */
  add(receipts) {
    for (const { name, ms } of receipts) {
      if (ms === undefined) this.#missing.push(name);
      else this.#times.push(ms);
    }
    this.#times.sort((a, b) => a - b);
    this.#render();
  }

  #render() {
    const times = this.#times;
    this.#count.textContent = `${times.length} of ${this.#total}`;
    this.#progress.value = this.#total === 0 ? 1 : times.length;
    if (this.#missing.length > 0) this.#missingLine.textContent = `No answer from ${this.#missing.join(", ")}.`;
    if (times.length === 0) return;
    this.#min.textContent = milliseconds(times[0]);
    this.#median.textContent = milliseconds(middle(times));
    this.#max.textContent = milliseconds(times.at(-1));
    this.#renderStrip(times);
  }

  /** Draws each receipt as a drop on a line from 0 to the slowest one. */
  #renderStrip(times) {
    const slowest = times.at(-1);
    const line = svgElement("line", { x1: "0%", x2: "100%", y1: "50%", y2: "50%" });
    const drops = times.map((ms) =>
      svgElement("circle", { cx: `${(2 + (ms / slowest) * 96).toFixed(2)}%`, cy: "50%", r: 5 }),
    );
    this.#strip.replaceChildren(line, ...drops);
  }
}
