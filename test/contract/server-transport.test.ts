import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { ForeignLink } from "../../packages/server/src/engine/transports/foreign-link.ts";
import { httpKind, streamKind } from "../../packages/server/src/engine/transports/registry.ts";
import { openJsonp, openPolling, openWebSocket } from "../support/peers/peer.ts";
import { openEventSource } from "../support/peers/event-source.ts";
import { EventStreamPeer } from "../support/peers/event-stream.ts";
import { PacketReader } from "@portage/parser/engine";
import { requestFor } from "../../packages/server/src/engine/admission/webtransport-request.ts";
import { WebTransportLink } from "../../packages/server/src/engine/transports/webtransport-link.ts";
import { SessionPair, WebTransportPeer } from "../support/peers/webtransport.ts";
import { EVENT_STREAM } from "./event-stream.ts";
import { openStreamedPoll } from "../support/peers/streamed-poll.ts";
import { describeTransport } from "./server-transport.ts";

const foreign = new WebSocketServer({ noServer: true });
const acceptForeign = (req: IncomingMessage, stream: Duplex, head: Buffer): Promise<ForeignLink> =>
  new Promise((resolve) => {
    foreign.handleUpgrade(req, stream, head, (socket: WebSocket) => resolve(new ForeignLink(socket as never)));
  });

const websocket = { kind: streamKind("websocket"), open: openWebSocket };

describeTransport({ name: "polling", kind: httpKind("polling"), open: openPolling });
describeTransport({ name: "streamed polls", kind: httpKind("polling"), open: openStreamedPoll });
describeTransport({ name: "JSONP", kind: httpKind("polling"), open: openJsonp });
describeTransport({ name: "WebSocket", ...websocket });
describeTransport({ name: "a WebSocket of another library", ...websocket, accept: acceptForeign });
describeTransport({ name: "server-sent events", kind: httpKind("sse"), open: openEventSource });
describeTransport({
  name: "WebTransport",
  kind: streamKind("webtransport"),
  open: () => Promise.reject(new Error("no request opens it")),
  pair: (context) => {
    const session = new SessionPair();
    const peer = new WebTransportPeer(session);
    const { readable, writable } = session.accepted();
    const stream = { input: readable.getReader(), output: writable.getWriter(), packets: new PacketReader(5e6) };
    return { peer, link: new WebTransportLink(session, stream, context), req: requestFor(session, {}) };
  },
});
describeTransport({
  name: "a transport of a program's own",
  kind: EVENT_STREAM,
  open: async (port) => new EventStreamPeer(port),
});
