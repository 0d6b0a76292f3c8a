import { Refusal } from "./validation.mjs";

const MAX_ROOMS = 100;
const MAX_MESSAGES = 50;
/** Only the last messages keep their picture: memory is bounded by rooms x pictures x their size. */
const MAX_PICTURES = 4;

/** A room: its members and recent messages. */
class Room {
  /** Names of the pages in the room, by socket id. */
  members = new Map();
  messages = [];
  #count = 0;

  constructor(name) {
    this.name = name;
  }

  /** Returns an earlier message with the same key, as pages send unconfirmed messages again after a reconnection. */
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

/** All rooms. Beyond the limit, the room that has been empty the longest is removed. */
export class Rooms {
  #rooms = new Map();

  get(name) {
    return this.#rooms.get(name);
  }

  open(name) {
    const room = this.#rooms.get(name) ?? new Room(name);
    this.#rooms.delete(name); // inserted again at the end: the map is ordered by last use
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
