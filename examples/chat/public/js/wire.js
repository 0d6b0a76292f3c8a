// Makes the packets of the official client visible: it tells of upgrades, but not of what goes over the wire for them.

const DIGITS = { open: "0", close: "1", ping: "2", pong: "3", message: "4", upgrade: "5", noop: "6" };

/** The packet as it is written on the wire: type digit, then the data. */
function wireText({ type, data }) {
  if (data === undefined || typeof data === "string") return DIGITS[type] + (data ?? "");
  return `binary, ${data.byteLength ?? data.size ?? 0} bytes`;
}

/** Reports each packet that the transport sends or receives. */
function watchTransport(transport, observer) {
  const { send } = transport;
  transport.send = (packets) => {
    for (const packet of packets) observer.onPacket("out", transport.name, wireText(packet));
    return send.call(transport, packets);
  };
  transport.on("packet", (packet) => observer.onPacket("in", transport.name, wireText(packet)));
}

function watchEngine(engine, observer) {
  observer.onEngine(engine);
  watchTransport(engine.transport, observer);
  // The candidate of an upgrade is made by this method: the only way to see its probe leave.
  const { createTransport } = engine;
  engine.createTransport = (name) => {
    const transport = createTransport.call(engine, name);
    watchTransport(transport, observer);
    return transport;
  };
}

/**
 * Watches every engine that the manager opens, from its first packet on. The observer has `onEngine(engine)` and
 * `onPacket(direction, transportName, text)`. Returns what must be called after each `connect()` by hand.
 */
export function watchWire(manager, observer) {
  const seen = new WeakSet();
  const look = () => {
    const { engine } = manager;
    if (!engine || seen.has(engine)) return;
    seen.add(engine);
    watchEngine(engine, observer);
  };
  // The manager makes the engine right after this event; a packet cannot come before the end of this task.
  manager.on("reconnect_attempt", () => queueMicrotask(look));
  return look;
}
