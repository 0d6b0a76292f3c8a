import { Refusal } from "./validation.mjs";

const MAX_ROOMS = 100;
const MAX_MESSAGES = 50;
/** Of the messages kept, only the last few keep their picture: memory is bounded by rooms x pictures x their size. */
const MAX_PICTURES = 4;

/** A room: who is in it and what was said lately. */
class Room {
  /** Name of each page in the room, by socket id. */
  members = new Map();
  messages = [];
  #count = 0;

  constructor(name) {
    this.name = name;
  }

  /** The message a page sent before under the same key: after a lost connection it sends again what was not confirmed. */
  find(page, key) {
    return this.messages.find((message) => message.page === page && message.key === key);
  }

  add(message) {
    this.#count += 1;
    const kept = { ...message, id: `${this.name}/${this.#count}`, time: Date.now() };
    this.messages.push(kept);
    if (this.messages.length > MAX_MESSAGES) this.messages.shift();
    const withPicture = this.messages.filter((each) => each.picture?.bytes);
    if (withPicture.length > MAX_PICTURES) this.#forgetPicture(withPicture[0]);
    return kept;
  }

  #forgetPicture(message) {
    this.messages[this.messages.indexOf(message)] = { ...message, picture: { type: message.picture.type } };
  }
}

/** All rooms. When there are too many, the one that has been empty for the longest time is forgotten. */
export class Rooms {
  #rooms = new Map();

  get(name) {
    return this.#rooms.get(name);
  }

  open(name) {
    const room = this.#rooms.get(name) ?? new Room(name);
    this.#rooms.delete(name); // and back at the end: the map is ordered by last use
    if (this.#rooms.size >= MAX_ROOMS) this.#makePlace();
    this.#rooms.set(name, room);
    return room;
  }

  #makePlace() {
    const empty = [...this.#rooms.values()].find((room) => room.members.size === 0);
    if (!empty) throw new Refusal("There are too many rooms. Join one of those that exist.");
    this.#rooms.delete(empty.name);
  }
}
