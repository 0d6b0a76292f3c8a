/*
 * What a viewer may change.
 * Knows: the server's public API, handles, filters.
 * Must not know: who may act. The page's door has asked for the role, the nonce and the program's consent.
 */
import { channel } from "node:diagnostics_channel";
import { createLog } from "../base/log.ts";
import { nextTurn } from "../base/turn.ts";
import { RESERVED_EVENTS, sizeOfRoom } from "../socketio/index.ts";
import { kAttached } from "../socketio/keys.ts";
import { isTargetOf } from "./action-table.ts";
import { Census } from "./census.ts";
import type { SeenConnection } from "./connection.ts";
import { readFilter } from "./filter.ts";
import { LogFeed } from "./log-feed.ts";
import type { BoardCore, BoardPart, Soon, Viewer } from "./part.ts";
import type { BoardSocket } from "./sockets.ts";
import type { Actions, Answer, Refused } from "./wire.ts";

/** Clients that are disconnected in one turn of the event loop. */
const CUT_SIZE = 500;

const log = createLog("socket.io:dashboard");
/** Longest name of a viewer of another node. */
const MOST_VIEWER = 100;
/** `{ server, name, target, viewer, affected }` for each action. */
const ACTION_CHANNEL = channel("portage.dashboard.action");

type Named = Pick<Viewer, "name">;
type Acted = Answer<{ readonly ok: true; readonly affected: number }>;
type TargetOf<Name extends keyof Actions> = Parameters<Actions[Name]>[0];
type Perform<Name extends keyof Actions> = (target: TargetOf<Name>, viewer: Viewer) => Soon<Acted>;

const acted = (affected: number): Acted => ({ ok: true, affected });
const refusedAs = (error: Refused["error"]): Refused => ({ error });

/** Performs actions, and reports each to the log and on a diagnostics channel. */
class ActionTaker {
  readonly #core: BoardCore;
  readonly #census: Census;
  readonly #logs: LogFeed;
  readonly #table: { readonly [Name in keyof Actions]: Perform<Name> };

  constructor(core: BoardCore) {
    this.#core = core;
    this.#census = new Census(core);
    this.#logs = new LogFeed(core);
    core.nodes.answer("disconnect", (asked) => this.#takeForwarded(asked));
    this.#table = {
      disconnect: (target, viewer) => this.#disconnect(target, viewer),
      join: (target) => this.#move(target, "join"),
      leave: (target) => this.#move(target, "leave"),
      emit: (target) => this.#emit(target),
      log: ({ scopes, minutes }, viewer) => {
        this.#logs.open(viewer, scopes, minutes);
        return acted(1);
      },
      drain: ({ timeout }) => this.#drain(timeout),
    };
  }

  async act(name: keyof Actions, target: unknown, viewer: Viewer): Promise<Acted> {
    return isTargetOf(name, target) ? this.#perform(name, target, viewer) : refusedAs("BAD_QUESTION");
  }

  async #perform(name: keyof Actions, target: unknown, viewer: Named): Promise<Acted> {
    const answer = (await Reflect.apply(this.#table[name], undefined, [target, viewer])) as Acted;
    const affected = "ok" in answer ? answer.affected : 0;
    if (log.enabled) log("%s acts: %s %j: %d", viewer.name, name, target, affected);
    if ("ok" in answer) ACTION_CHANNEL.publish({ server: this.#core.io, name, target, viewer: viewer.name, affected });
    return answer;
  }

  stop(): void {
    this.#logs.close();
  }

  async #find(handle: string): Promise<SeenConnection | undefined> {
    const id = this.#core.handles.idOf(handle);
    if (id === undefined) return undefined;
    const found = await this.#select(
      ({ session, sockets }) => session.id === id || sockets.some((each) => each.id === id),
    );
    return found[0];
  }

  async #select(matches: (connection: SeenConnection) => boolean): Promise<SeenConnection[]> {
    const found: SeenConnection[] = [];
    await this.#census.run((connection) => void (matches(connection) && found.push(connection)));
    return found;
  }

  async #disconnect({ handle, filter, count, node }: TargetOf<"disconnect">, viewer: Named): Promise<Acted> {
    if ((handle === undefined) === (filter === undefined)) return refusedAs("BAD_QUESTION");
    if (handle !== undefined) {
      const connection = await this.#find(handle);
      if (connection === undefined) return refusedAs("UNKNOWN");
      endConnection(connection);
      return acted(1);
    }
    const { nodes } = this.#core;
    if (node !== undefined && node !== nodes.ownTag) return this.#forward(node, { filter, count }, viewer);
    const found = await this.#select(readFilter(filter ?? "", this.#core) ?? (() => false));
    if (found.length !== count) return refusedAs("COUNT_CHANGED");
    for (let from = 0; from < found.length; from += CUT_SIZE) {
      found.slice(from, from + CUT_SIZE).forEach(endConnection);
      await new Promise<void>((resolve) => nextTurn(resolve, undefined));
    }
    return acted(found.length);
  }

  /** The links prove that both nodes belong together: the other one has the same options, and asks for no role again. */
  async #forward(node: string, target: object, { name }: Named): Promise<Acted> {
    const { nodes } = this.#core;
    if (!nodes.tags.includes(node)) return refusedAs("UNKNOWN");
    const answer = await nodes.ask(node, "disconnect", { target, viewer: name });
    return typeof answer === "object" && answer !== null ? (answer as Acted) : refusedAs("FAILED");
  }

  /** Disconnects clients for a viewer of another node. */
  async #takeForwarded(asked: unknown): Promise<Acted> {
    const { target, viewer } = asked as { readonly target: unknown; readonly viewer: unknown };
    if (!isTargetOf("disconnect", target) || typeof viewer !== "string") return refusedAs("BAD_QUESTION");
    return this.#perform("disconnect", target, { name: viewer.slice(0, MOST_VIEWER) });
  }

  async #socketOf(handle: string, namespace: string): Promise<BoardSocket | undefined> {
    const connection = await this.#find(handle);
    return connection?.sockets.find(({ nsp }) => nsp.name === namespace);
  }

  async #move({ handle, namespace, room }: TargetOf<"join">, way: "join" | "leave"): Promise<Acted> {
    const socket = await this.#socketOf(handle, namespace);
    if (socket === undefined) return refusedAs("UNKNOWN");
    await socket[way](room);
    return acted(1);
  }

  async #emit({ handle, namespace, room, event, args: json, count }: TargetOf<"emit">): Promise<Acted> {
    const args = readArgs(json);
    const nsp = this.#core.io._nsps.get(namespace);
    if (args === undefined || RESERVED_EVENTS.has(event)) return refusedAs("BAD_QUESTION");
    if (nsp === undefined) return refusedAs("UNKNOWN");
    if (handle !== undefined) {
      const socket = await this.#socketOf(handle, namespace);
      if (socket === undefined) return refusedAs("UNKNOWN");
      socket.emit(event, ...args);
      return acted(1);
    }
    // The sockets of this process: their number is what the viewer has typed.
    const receivers = room === undefined ? nsp.sockets.size : sizeOfRoom(nsp.adapter.rooms, room);
    if (receivers !== count) return refusedAs("COUNT_CHANGED");
    const local = nsp.local;
    (room === undefined ? local : local.to(room)).emit(event, ...args);
    return acted(receivers);
  }

  #drain(timeout: number): Acted {
    const { io } = this.#core;
    let sessions = 0;
    for (const { clientsCount } of io[kAttached].engines) sessions += clientsCount;
    // The page hears of the end by its figures.
    void io.drain({ deadline: timeout });
    return acted(sessions);
  }
}

function readArgs(json: string): readonly unknown[] | undefined {
  try {
    const args: unknown = JSON.parse(json);
    return Array.isArray(args) ? (args as readonly unknown[]) : undefined;
  } catch {
    return undefined;
  }
}

function endConnection({ session, sockets }: SeenConnection): void {
  const [first] = sockets;
  if (first === undefined) session.close();
  else first.disconnect(true);
}

/** The part that performs the actions of viewers. */
export function createActions(core: BoardCore): BoardPart {
  const taker = new ActionTaker(core);
  return {
    features: ["actions"],
    answers: { act: (name, target, viewer) => taker.act(name, target, viewer) },
    stop: () => taker.stop(),
  };
}
