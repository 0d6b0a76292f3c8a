import { Server as Reference } from "socket.io";
import { Server } from "@portage/server";
import { expect, test } from "vitest";

/** An object of either library, for calls of its methods. */
type Members = Record<string, (...args: unknown[]) => unknown>;

const OPTIONS = { rooms: new Set(), except: new Set(), flags: {} };
const PACKET = { type: 2, data: ["event"] };
const noop = (): void => undefined;

const OF_NAMESPACE: [string, ...unknown[]][] = [
  ["on", "connection", noop],
  ["use", noop],
  ["emit", "event", 1],
  ["send", 1],
  ["write", 1],
  ["to", "room"],
  ["in", "room"],
  ["except", "room"],
  ["compress", true],
  ["timeout", 10],
  ["serverSideEmit", "event"],
  ["serverSideEmitWithAck", "event"],
  ["emitWithAck", "event"],
  ["socketsJoin", "room"],
  ["socketsLeave", "room"],
  ["disconnectSockets"],
  ["fetchSockets"],
  ["allSockets"],
];

const OF_ADAPTER: [string, ...unknown[]][] = [
  ["init"],
  ["close"],
  ["serverCount"],
  ["addAll", "id", new Set(["room"])],
  ["del", "id", "room"],
  ["delAll", "id"],
  ["broadcast", PACKET, OPTIONS],
  ["broadcastWithAck", PACKET, OPTIONS, noop, noop],
  ["sockets", new Set()],
  ["socketRooms", "id"],
  ["fetchSockets", OPTIONS],
  ["addSockets", OPTIONS, ["room"]],
  ["delSockets", OPTIONS, ["room"]],
  ["disconnectSockets", OPTIONS, false],
  ["serverSideEmit", ["event"]],
  ["persistSession", { sid: "id", pid: "pid", rooms: [], data: {} }],
];

/** The result of a call: its kind, and the kind of the value that its promise resolves with at once. */
async function outcome(target: Members, [name, ...args]: [string, ...unknown[]]): Promise<string> {
  const kindOf = (value: unknown): string =>
    value === target ? "itself" : ((value as object | undefined)?.constructor.name ?? String(value));
  const turn = new Promise((resolve) => setImmediate(resolve, "pending"));
  try {
    const returned = target[name]!(...args);
    return returned instanceof Promise
      ? `promise of ${kindOf(await Promise.race([returned, turn]))}`
      : kindOf(returned);
  } catch (error) {
    return `throws ${(error as Error).message.replace(/^\S+ (?=is not a function)/, "")}`;
  }
}

test.each(["with a child", "without children"])(
  "a parent namespace answers as that of socket.io does, %s",
  async (how) => {
    const outcomes = async (io: { of(name: string | RegExp): object }): Promise<unknown> => {
      const parent = io.of(/^\/child-/) as { adapter: object };
      if (how === "with a child") io.of("/child-1");
      const found: Record<string, string> = {};
      for (const call of OF_NAMESPACE) found[call[0]] = await outcome(parent as unknown as Members, call);
      for (const call of OF_ADAPTER) found[`adapter.${call[0]}`] = await outcome(parent.adapter as Members, call);
      return found;
    };
    expect(await outcomes(new Server())).toEqual(await outcomes(new Reference()));
  },
);
