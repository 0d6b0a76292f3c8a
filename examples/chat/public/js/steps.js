/** A list of steps that are reached one by one. */
export class Steps {
  #items;

  constructor(list) {
    this.#items = [...list.children];
  }

  begin() {
    for (const step of this.#items) this.#set(step, "", "");
  }

  /** @returns whether the step was not reached before */
  reach(index, text) {
    const step = this.#items[index];
    if (step.className === "done") return false;
    this.#set(step, "done", text);
    return true;
  }

  refuse(index, text) {
    this.#set(this.#items[index], "refused", text);
  }

  #set(step, className, text) {
    step.className = className;
    step.lastElementChild.textContent = text;
  }
}
