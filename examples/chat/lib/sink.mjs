/** Milliseconds from one look for a poll to the next, and how many there are. */
const LOOK_INTERVAL = 10;
const LOOKS = 50;

/**
 * Returns a function that kills what carries a session, as a broken proxy does: the connection ends, without a close frame
 * or an answer. The session survives, see "The carry" in docs/protocol.md.
 */
export function openSinking(engine) {
  /** For each session, the streams of its last poll and of its last WebSocket. */
  const streams = new WeakMap();

  engine.use((request, _response, next) => {
    const { searchParams } = new URL(request.url, "http://localhost");
    const session = engine.clients[searchParams.get("sid")];
    if (session && request.method === "GET") {
      streams.set(session, { ...streams.get(session), [searchParams.get("transport")]: request.socket });
    }
    next();
  });

  return function sink(session, looks = LOOKS) {
    const { name, readyState, writable } = session.transport;
    if (readyState !== "open" || looks === 0) return;
    // Between two polls there is nothing to sink.
    if (name === "polling" && !writable) setTimeout(sink, LOOK_INTERVAL, session, looks - 1);
    else streams.get(session)?.[name]?.destroy();
  };
}
