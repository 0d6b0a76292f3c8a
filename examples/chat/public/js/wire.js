// Makes the packets of the client visible: it emits upgrades and returns, but not their packets.

const DIGITS = { open: "0", close: "1", ping: "2", pong: "3", message: "4", upgrade: "5", noop: "6" };

/** Returns the packet as sent over the wire: type digit, then data. */
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
  // This method makes the candidate of an upgrade, and the transport that returns to a session.
  const { createTransport } = engine;
  engine.createTransport = (name) => {
    const transport = createTransport.call(engine, name);
    watchTransport(transport, observer);
    // A transport that returns gets the rest of its query right after this, and opens at once.
    queueMicrotask(() => observer.onTransport?.(transport, engine));
    return transport;
  };
}

/**
 * Observes every engine of the manager from its first packet. The observer has `onEngine(engine)` and
 * `onPacket(direction, transportName, text)`, and may have `onTransport(transport, engine)` for each further one. Call the returned function after each manual `connect()`.
 */
export function watchWire(manager, observer) {
  const seen = new WeakSet();
  const look = () => {
    const { engine } = manager;
    if (!engine || seen.has(engine)) return;
    seen.add(engine);
    watchEngine(engine, observer);
  };
  // The manager makes the engine right after this event; packets arrive in a later task.
  manager.on("reconnect_attempt", () => queueMicrotask(look));
  return look;
}
