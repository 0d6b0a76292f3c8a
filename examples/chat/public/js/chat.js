import { byId, element, randomId, storage } from "./dom.js";
import { MessageList } from "./message-list.js";
import { PicturePicker } from "./picture.js";

/** Time limit for the server to confirm a message before it is sent again, in milliseconds. */
const CONFIRM_TIME = 5000;
const FIRST_ROOM = "harbour";

const local = () => localStorage;

/** The chat: rooms, messages and unconfirmed messages. */
export class Chat {
  #socket;
  #page;
  #rooms = new Map();
  #current = FIRST_ROOM;
  /** Unconfirmed messages by key. They are sent again after a reconnection; the server recognises the key. */
  #pending = new Map();
  #picture = new PicturePicker((problem) => this.#complain(problem));

  constructor(socket, page) {
    this.#socket = socket;
    this.#page = page;
    byId("name").value = storage.get(local, "portage-name") ?? "";
    this.#addRoom(FIRST_ROOM);
    this.#listen();
    this.#bindForms();
  }

  /** Name and rooms of this page, sent with each connection, so that it is back in its rooms at once. */
  get identity() {
    return { name: byId("name").value.trim(), page: this.#page, rooms: [...this.#rooms.keys()] };
  }

  #listen() {
    const socket = this.#socket;
    socket.on("welcome", ({ name, limits }) => {
      if (document.activeElement !== byId("name")) byId("name").value = name;
      this.#picture.maxBytes = limits.pictureBytes;
    });
    socket.on("connect", () => {
      for (const message of this.#pending.values()) this.#send(message);
    });
    socket.on("history", ({ room, messages }) => {
      const { list } = this.#addRoom(room);
      for (const message of messages) list.add(message);
    });
    socket.on("message", ({ room, ...message }, confirm) => {
      confirm();
      const entry = this.#addRoom(room);
      if (entry.list.add(message) && room !== this.#current) entry.unread += 1;
      this.#renderRooms();
    });
    socket.on("members", ({ room, names }) => {
      const entry = this.#rooms.get(room);
      if (entry) entry.members = names;
      this.#renderRooms();
    });
    socket.on("delivered", ({ id, count, of }) => {
      const text = of === 0 ? "✓ nobody else here" : `✓✓ delivered to ${count} of ${of}`;
      for (const { list } of this.#rooms.values()) list.tick(id, of === 0 ? "taken" : "delivered", text);
    });
    socket.on("refused", ({ room, error }) => {
      this.#removeRoom(room);
      this.#complain(error);
    });
    socket.on("announcement", ({ text }, confirm) => {
      confirm();
      this.#rooms.get(this.#current).list.announce(text);
    });
  }

  #bindForms() {
    const onSubmit = (id, handler) =>
      byId(id).addEventListener("submit", (event) => {
        event.preventDefault();
        this.#complain("");
        handler();
      });
    onSubmit("say", () => this.#say());
    onSubmit("join", () =>
      this.#ask("join", byId("room").value, ({ room }) => {
        byId("room").value = "";
        this.#addRoom(room);
        this.#open(room);
      }),
    );
    onSubmit("nickname", () =>
      this.#ask("name", byId("name").value, () => {
        storage.set(local, "portage-name", byId("name").value);
        byId("text").focus();
      }),
    );
    byId("leave").addEventListener("click", () => {
      const room = this.#current;
      this.#ask("leave", room, () => this.#removeRoom(room));
    });
  }

  /** Sends a request that needs the connection now, and must not be queued. */
  #ask(event, value, onDone) {
    if (!this.#socket.connected) {
      this.#complain("Not connected at the moment.");
      return;
    }
    this.#socket.timeout(CONFIRM_TIME).emit(event, value, (error, answer) => {
      if (error) this.#complain("The server did not answer.");
      else if (answer.ok) onDone(answer);
      else this.#complain(answer.error);
    });
  }

  async #say() {
    const text = byId("text").value.trim();
    if (text === "" && !this.#picture.hasPicture) return;
    const room = this.#current;
    byId("text").value = "";
    const bytes = await this.#picture.take();
    const message = { key: randomId(), room, text, bytes };
    const picture = bytes && { type: "", bytes };
    const { list } = this.#rooms.get(room);
    list.add({ id: message.key, name: byId("name").value, text, picture, time: Date.now(), isMine: true });
    this.#pending.set(message.key, message);
    this.#send(message);
  }

  #send(message) {
    const { key, room, text, bytes } = message;
    const list = this.#rooms.get(room)?.list;
    list?.tick(key, "waiting", this.#socket.connected ? "sending …" : "waiting for the connection …");
    if (!this.#socket.connected) return;
    this.#socket.timeout(CONFIRM_TIME).emit("say", { key, room, text, picture: bytes }, (error, answer) => {
      if (!this.#pending.has(key)) return;
      if (error) {
        // Lost with its connection: sent again over the next one.
        if (this.#socket.connected) this.#send(message);
        return;
      }
      this.#pending.delete(key);
      if (answer.ok) {
        list?.tick(key, "taken", "✓ on the server");
        list?.rename(key, answer.id);
      } else {
        list?.tick(key, "failed", "not sent");
        this.#complain(answer.error);
      }
    });
  }

  #addRoom(name) {
    const known = this.#rooms.get(name);
    if (known) return known;
    const room = { list: new MessageList(name), members: [], unread: 0 };
    this.#rooms.set(name, room);
    byId("messages").append(room.list.element);
    this.#renderRooms();
    return room;
  }

  #removeRoom(name) {
    this.#rooms.get(name)?.list.element.remove();
    this.#rooms.delete(name);
    if (this.#current === name) this.#open([...this.#rooms.keys()][0]);
    else this.#renderRooms();
  }

  #open(name) {
    this.#current = name;
    this.#rooms.get(name).unread = 0;
    this.#renderRooms();
    byId("text").focus();
  }

  #renderRooms() {
    const items = [...this.#rooms].map(([name, room]) => {
      const isCurrent = name === this.#current;
      room.list.element.hidden = !isCurrent;
      const badge =
        room.unread > 0 ? element("span", { className: "badge", textContent: String(room.unread) }) : undefined;
      badge?.append(element("span", { className: "hidden", textContent: " unread" }));
      const button = element(
        "button",
        { type: "button" },
        element("span", { className: "clip", textContent: name }),
        badge,
      );
      if (isCurrent) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.#open(name));
      return element("li", {}, button);
    });
    byId("rooms").replaceChildren(...items);
    const { members } = this.#rooms.get(this.#current);
    byId("room-title").textContent = this.#current;
    byId("members").textContent = members.length > 0 ? `${members.length} aboard: ${members.join(", ")}` : "";
    byId("members").title = members.join(", ");
    byId("leave").disabled = this.#rooms.size === 1;
    byId("leave").setAttribute("aria-label", `Leave ${this.#current}`);
  }

  #complain(problem) {
    byId("problem").textContent = problem;
  }
}
