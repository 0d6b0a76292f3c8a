import { describe, expect, test } from "vitest";
import { nextEvent } from "../support/waiting.ts";
import { heldObjects, type Held } from "../support/held-objects.ts";
import { portage, reference } from "../support/targets.ts";

// Every own and inherited member of the reference's public objects: there, of the same kind, and assignable.

/** Members of the reference that Portage lacks, by reason. */
const ABSENT: Record<string, Record<string, string>> = {
  Server: {
    "inside of attach(), which is one method here": "initEngine attachServe extractFilename",
    "a second list of what parentNsps has": "parentNamespacesFromRegExp",
  },
  Namespace: { "steps of joining, which is an object of its own here": "run _createSocket _doConnect" },
  "Namespace of a pattern": { "steps of joining, which is an object of its own here": "run _createSocket _doConnect" },
  Socket: {
    "steps of emit() and dispatch()": "registerAckCallback run",
    "called by the constructor alone; the handshake is made when it is asked for": "buildHandshake",
  },
  Client: {
    "the timer of connectTimeout": "connectTimeout",
    "steps of the constructor and of connect()": "setup doConnect _parseNamespace",
    "removes listeners; a client of ours has none": "destroy",
  },
  BroadcastOperator: {},
  Adapter: {
    "steps of broadcast() and the like": "_del _encode apply computeExceptSids",
    "the server has it": "encoder",
    "kept elsewhere by its emitter": "_maxListeners",
  },
  "engine.io Server": {
    "frames are ours: there is not a server of ws": "ws",
  },
  "engine.io Socket": {
    "fields of the callbacks, timers and states that are objects of their own here":
      "_readyState packetsFn sentCallbackFn cleanupFn pingTimeoutTimer pingIntervalTimer hasRefreshedPingTimeout",
    "steps of the handshake, the heartbeat and the end": "onOpen onError schedulePing resetPingTimeout closeTransport",
    "steps of the upgrade, which is a table here": "setTransport _maybeUpgrade clearTransport",
  },
  "engine.io WebSocket": {
    "fields behind accessors": "_readyState",
    "steps of send(), which writes all packets of a tick at once":
      "_doSend _doSendLast _onSent _onSentLast _canSendPreEncodedFrame",
    "the codec, which is functions here": "parser",
    "state that readyState has": "discarded",
    "the server has it": "perMessageDeflate handlesUpgrades",
  },
  "engine.io Polling": {
    "fields behind accessors": "_readyState",
    "the requests that wait, which are objects of their own here": "req res dataReq dataRes",
    "steps of answering, which are calls of functions here":
      "onPollRequest onDataRequest write doWrite headers onData parser",
    "state that readyState has": "discarded",
    "the server has it": "closeTimeout maxHttpBufferSize httpCompression",
  },
};

/** Members that the reference lacks: documented additions, and handlers for other layers. */
const ADDED: Record<string, string> = {
  Server: "cluster drain isReady stats metrics conflate ifSlow",
  Namespace: "conflate eventSource ifSlow",
  "Namespace of a pattern": "conflate eventSource ifSlow",
  Socket: "recoveryError conflate ifSlow dedupKey bufferedBytes whenDrained slowPolicy droppedEvents",
  Client: "",
  BroadcastOperator: "conflate ifSlow",
  Adapter: "deliverLocally encodePacket receivePacket deliverEncoded deliverWithOffset askEncoded forgetAcks",
  // The contract between the engine, its sessions and their transports.
  "engine.io Server":
    "httpServer detach pingInterval pingTimeout upgradeTimeout maxHttpBufferSize initialPacket drain report handleConnect",
  "engine.io Socket": "writable bufferedBytes carried openedAt rtt",
  "engine.io WebSocket":
    "open bufferedBytes stream onText onBinary pause resume onFull onDrain closeWith fail turnAway closeTextOf " +
    "onEnding maxBatch retire drop drained ended endedByProgram endedByOwner",
  "engine.io Polling":
    "maxBatch bufferedBytes pollClosed textType addTypeOptions formatBody canStream onPayload retire ended fail " +
    "turnAway open pause resume drop drained endedByProgram endedByOwner",
};

type Members = Map<string, PropertyDescriptor>;

/** All members by name, the nearest first. */
function membersOf(object: object): Members {
  const members: Members = new Map();
  for (let holder = object; holder !== Object.prototype; holder = Object.getPrototypeOf(holder) as object) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (!members.has(name)) members.set(name, descriptor);
    }
  }
  return members;
}

const isAssignable = (member: PropertyDescriptor): boolean =>
  "get" in member ? member.set !== undefined : member.writable === true;
const isMethod = ({ value }: PropertyDescriptor): boolean => typeof value === "function";
const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");

/** The members of one kind of object on both sides. */
async function both(name: string): Promise<{ ours: Members; theirs: Members }> {
  const sides = await Promise.all([portage, reference].map((target) => heldObjects(target)));
  const [ours, theirs] = sides.map(({ objects }) => membersOf(objects[name as keyof Held["objects"]]));
  await Promise.all(sides.map((side) => side.stop()));
  return { ours: ours as Members, theirs: theirs as Members };
}

describe.each(Object.keys(ABSENT))("the members of socket.io's %s", (name) => {
  test("exist, except for the listed ones", async () => {
    const { ours, theirs } = await both(name);
    const absent = [...theirs.keys()].filter((member) => !ours.has(member));
    expect(absent.sort()).toEqual(words(Object.values(ABSENT[name] ?? {}).join(" ")).sort());
    const added = [...ours.keys()].filter((member) => !theirs.has(member));
    expect(added.sort()).toEqual(words(ADDED[name] ?? "").sort());
  });

  test("are methods where they are methods, and can be assigned where they can", async () => {
    const { ours, theirs } = await both(name);
    const shared = [...theirs].filter(([member]) => ours.has(member));
    const differs = (is: (descriptor: PropertyDescriptor) => boolean): string[] =>
      shared.filter(([member, theirs]) => is(theirs) && !is(ours.get(member) as never)).map(([member]) => member);
    expect(differs(isMethod)).toEqual([]);
    expect(differs(isAssignable)).toEqual([]);
  });
});

describe("a member that a program assigns", () => {
  test.each(["connected", "handshake", "acks", "server", "adapter", "rooms", "data", "request"])(
    "socket.%s has that value, for this socket alone",
    async (name) => {
      const held = await heldObjects(portage);
      const { objects } = held;
      const value = { of: "the program" };
      Object.assign(objects.Socket, { [name]: value });
      expect(Reflect.get(objects.Socket, name)).toBe(value);
      expect(Reflect.get(objects["Socket that polls"], name)).not.toBe(value);
      Reflect.deleteProperty(objects.Socket, name);
      await held.stop();
    },
  );

  test.each("clock limits stats metrics tally gate ready user deliver handler state self dispatching".split(" "))(
    "may be called %s on any object: nothing of ours depends on it",
    async (name) => {
      const held = await heldObjects(portage);
      const { objects } = held;
      const {
        Server,
        Namespace,
        Socket,
        Client,
        Adapter,
        "engine.io Server": engine,
        "engine.io Socket": conn,
      } = objects;
      const all = [Server, Namespace, Socket, Client, Adapter, engine, conn];
      for (const object of all) Object.assign(object, { [name]: "the program's" });
      expect(await held.exchange()).toEqual(["pong", "pong"]);
      for (const object of all) expect(Reflect.get(object, name)).toBe("the program's");
      await held.stop();
    },
  );

  // Transports excepted: what they add are the steps of transports that extend them.
  const KINDS = Object.keys(ADDED).filter((kind) => !/WebSocket|Polling|pattern|Operator/.test(kind));

  test.each(KINDS.map((kind) => [kind] as const))(
    "each member added to a %s may be assigned: nothing else depends on it",
    async (kind) => {
      const held = await heldObjects(portage);
      const object = held.objects[kind as keyof Held["objects"]];
      // A program's own adapter may decide how events are delivered.
      for (const name of words(ADDED[kind] ?? "").filter((name) => name !== "deliverLocally"))
        expect(() => Object.assign(object, { [name]: undefined }), name).not.toThrow();
      expect(await held.exchange()).toEqual(["pong", "pong"]);
      const left = nextEvent(held.socket, "disconnect");
      held.client.disconnect();
      expect(await left).toEqual(["client namespace disconnect", undefined]);
      await held.stop();
    },
  );

  test("times assigned to the engine change its options", async () => {
    const held = await heldObjects(portage);
    Object.assign(held.io.engine, { pingInterval: 5000, pingTimeout: "4000", maxHttpBufferSize: 7 });
    expect(held.io.engine.opts).toMatchObject({ pingInterval: 5000, pingTimeout: 4000, maxHttpBufferSize: 7 });
    await held.stop();
  });

  test.each("ready clock limits user room state name session isAlive".split(" "))(
    "%s is free, on sockets and on the server: not defined before the program does",
    async (name) => {
      const held = await heldObjects(portage);
      const { objects } = held;
      expect([name in objects.Socket, name in objects.Server]).toEqual([false, false]);
      await held.stop();
    },
  );
});
