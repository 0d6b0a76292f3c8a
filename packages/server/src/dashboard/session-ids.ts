import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "../index.ts";
import { kAttached } from "../socketio/keys.ts";
import { sessionHandle } from "../base/handles.ts";

/** Sessions that have ended, whose ids are remembered. */
const MOST_ENDED_IDS = 4096;
/** Shorter ids, such as numbers of the option `generateId`, can't be told from other words. */
const SHORTEST_ID = 16;
/** The length without the option `generateId`. */
const USUAL_LENGTH = 20;
/** Lengths of ids that are looked for. */
const MOST_LENGTHS = 8;
/** What an id may be a part of: a program makes names like `user_<id>`. */
const WORD = new RegExp(`[\\w-]{${SHORTEST_ID},}`, "g");

interface SessionMessage {
  readonly session: { readonly id: string; readonly server?: unknown };
}

/**
 * Knows the ids of sessions, and hides them: an id is as good as a password. With revision 3 it is also the id of a socket, after
 * which programs name rooms and events.
 */
export class SessionIds {
  readonly #io: Server;
  readonly #isOurs: (session: SessionMessage["session"]) => boolean;
  readonly #ended = new Set<string>();
  readonly #lengths = new Set([USUAL_LENGTH]);

  /** @param isOurs whether a session is one of this server's */
  constructor(io: Server, isOurs: (session: SessionMessage["session"]) => boolean) {
    this.#io = io;
    this.#isOurs = isOurs;
  }

  readonly #onOpen = (message: unknown): void => {
    const { session } = message as SessionMessage;
    const { length } = session.id;
    if (this.#isOurs(session) && length >= SHORTEST_ID && this.#lengths.size < MOST_LENGTHS) this.#lengths.add(length);
  };

  readonly #onClose = (message: unknown): void => {
    const { session } = message as SessionMessage;
    if (!this.#isOurs(session)) return;
    this.#ended.add(session.id);
    const [oldest = ""] = this.#ended;
    if (this.#ended.size > MOST_ENDED_IDS) this.#ended.delete(oldest);
  };

  start(): void {
    subscribe("portage.session.open", this.#onOpen);
    subscribe("portage.session.close", this.#onClose);
  }

  stop(): void {
    unsubscribe("portage.session.open", this.#onOpen);
    unsubscribe("portage.session.close", this.#onClose);
  }

  /** Whether a session with this id has ended lately. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  #has(id: string): boolean {
    if (this.#ended.has(id)) return true;
    for (const { clients } of this.#io[kAttached].engines) if (Object.hasOwn(clients ?? {}, id)) return true;
    return false;
  }

  /** Puts handles in the place of ids, in all texts of a value. Returns the same value if it has none. */
  hide<Value>(value: Value): Value {
    return this.#hideIn(value) as Value;
  }

  #hideIn(value: unknown): unknown {
    if (typeof value === "string") return value.length < SHORTEST_ID ? value : value.replace(WORD, this.#hideInWord);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) {
      const shown = value.map((each) => this.#hideIn(each));
      return shown.some((each, at) => each !== value[at]) ? shown : value;
    }
    const fields = Object.entries(value).map(([key, each]) => [key, each, this.#hideIn(each)] as const);
    if (fields.every(([, before, after]) => before === after)) return value;
    return Object.fromEntries(fields.map(([key, , after]) => [key, after]));
  }

  readonly #hideInWord = (word: string): string => {
    let shown = "";
    for (let at = 0; at < word.length;) {
      const id = this.#idAt(word, at);
      shown += id === undefined ? word[at]! : sessionHandle(id);
      at += id?.length ?? 1;
    }
    return shown;
  };

  #idAt(word: string, at: number): string | undefined {
    for (const length of this.#lengths) {
      const part = word.slice(at, at + length);
      if (part.length === length && this.#has(part)) return part;
    }
    return undefined;
  }
}
