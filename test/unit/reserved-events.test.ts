import { RESERVED_EVENTS, isPacketValid, PacketType } from "@portage/parser/socket";
import { expect, test } from "vitest";
import { RESERVED } from "../../packages/client/src/socketio/codec/packet.ts";
import { RESERVED_EVENTS as OF_SERVER } from "../../packages/server/src/socket-types.ts";

const NAMES = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
const OTHERS = ["connection", "connected", "disconnected", "listener", "reconnect", "error", "message", "Connect", ""];

test("the names of events that belong to the library are the same everywhere", () => {
  expect([...RESERVED_EVENTS]).toEqual(NAMES);
  expect(OF_SERVER).toBe(RESERVED_EVENTS);
});

test.each([...NAMES, ...OTHERS])("parser and client agree on %j", (name) => {
  const isReserved = NAMES.includes(name);
  expect(RESERVED.test(name)).toBe(isReserved);
  expect(isPacketValid({ type: PacketType.EVENT, nsp: "/", data: [name] })).toBe(!isReserved);
});
