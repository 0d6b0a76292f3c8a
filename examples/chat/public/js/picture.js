import { byId, fileSize } from "./dom.js";

const TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** The picture to send: chosen, pasted or dropped. */
export class PicturePicker {
  #file;
  #maxBytes = 0;
  #onProblem;

  constructor(onProblem) {
    this.#onProblem = onProblem;
    const input = byId("picture");
    byId("pick").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#offer(input.files);
      input.value = "";
    });
    byId("picture-preview")
      .querySelector("button")
      .addEventListener("click", () => {
        this.#choose(undefined);
        byId("pick").focus();
      });
    document.addEventListener("paste", (event) => {
      if (this.#offer(event.clipboardData?.files)) event.preventDefault();
    });
    this.#listenForDrops(byId("chat"));
  }

  /** The server's limit, in bytes. */
  set maxBytes(bytes) {
    this.#maxBytes = bytes;
  }

  get hasPicture() {
    return this.#file !== undefined;
  }

  /** Returns the bytes of the picture, and removes it. */
  async take() {
    const file = this.#file;
    this.#choose(undefined);
    return file && new Uint8Array(await file.arrayBuffer());
  }

  #listenForDrops(area) {
    area.addEventListener("dragover", (event) => {
      event.preventDefault();
      area.classList.add("dropping");
    });
    area.addEventListener("dragleave", () => area.classList.remove("dropping"));
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      area.classList.remove("dropping");
      this.#offer(event.dataTransfer.files);
    });
  }

  /** Accepts the first file, or shows why not. Returns false without a file. */
  #offer(files) {
    const file = files?.[0];
    if (!file) return false;
    const problem = this.#problemOf(file);
    this.#onProblem(problem ?? "");
    if (!problem) this.#choose(file);
    return true;
  }

  #problemOf(file) {
    if (!TYPES.has(file.type)) return `“${file.name}” is not a PNG, JPEG, GIF or WebP picture. It was not taken.`;
    if (file.size <= this.#maxBytes) return undefined;
    return `“${file.name}” has ${fileSize(file.size)}, a picture may have ${fileSize(this.#maxBytes)}. It was not taken.`;
  }

  #choose(file) {
    this.#file = file;
    const preview = byId("picture-preview");
    const image = preview.querySelector("img");
    URL.revokeObjectURL(image.src);
    preview.hidden = file === undefined;
    if (!file) return;
    image.src = URL.createObjectURL(file);
    preview.querySelector("span").textContent = `${file.name}, ${fileSize(file.size)}`;
    byId("text").focus();
  }
}
