import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { ForeignLink } from "../../packages/server/src/engine/transports/foreign-link.ts";
import { httpKind, streamKind } from "../../packages/server/src/engine/transports/registry.ts";
import { openJsonp, openPolling, openWebSocket } from "../support/peers/peer.ts";
import { openEventSource } from "../support/peers/event-source.ts";
import { EventStreamPeer } from "../support/peers/event-stream.ts";
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
  name: "a transport of a program's own",
  kind: EVENT_STREAM,
  open: async (port) => new EventStreamPeer(port),
});
