import type { RawData } from "../packets/codec.ts";
import { serverClock } from "../../base/clock.ts";
import type { AckCallback } from "../events/acks.ts";
import { eventName, lookAtSent, sizeOfParts } from "../events/looks.ts";
import { kOneSocket, kProbe } from "../keys.ts";
import type { AnswerFollower, BroadcastAnswers, PacketProbe } from "../probe.ts";
import type { BroadcastOptions } from "./adapter.ts";
import type { AdapterNamespace, AdapterSocket } from "./surface.ts";

/** A packet that was sent to `receivers`. */
interface Sent {
  readonly parts: readonly RawData[];
  readonly event: { readonly data: unknown; readonly type?: number; readonly id?: number | undefined };
  /** Of a broadcast that asks for acknowledgements. */
  readonly answers?: CountedAnswers;
}

/** Counts the acknowledgements of a broadcast, and tells a follower of each. */
export class CountedAnswers implements BroadcastAnswers {
  readonly #since = serverClock.now();
  asked = 0;
  answered = 0;
  follower: AnswerFollower | undefined;

  /** Returns what receivers call instead of `ack`. */
  counting(ack: AckCallback): AckCallback {
    return (...args) => {
      this.answered += 1;
      this.follower?.answered(serverClock.now() - this.#since);
      ack(...args);
    };
  }
}

/** Lets the probe of the server look at a broadcast, if it is its turn. */
export function countBroadcast(nsp: AdapterNamespace, receivers: number, opts: BroadcastOptions, sent: Sent): void {
  const { [kProbe]: probe } = nsp.server;
  if (probe === undefined || receivers === 0) return;
  if (opts[kOneSocket]) {
    if (--probe.left <= 0) lookAtOne(probe, nsp, opts, sent);
  } else if ((probe.deliveriesLeft -= receivers) <= 0) {
    lookAtBroadcast(probe, nsp, opts, { ...sent, receivers });
  }
}

function lookAtBroadcast(
  probe: PacketProbe,
  { name }: AdapterNamespace,
  { rooms }: BroadcastOptions,
  { parts, event: { type = 2, data }, receivers, answers }: Sent & { readonly receivers: number },
): void {
  const event = eventName({ type, data });
  // A program written for socket.io may pass any iterable.
  const look = { namespace: name, event, size: sizeOfParts(parts), rooms: new Set(rooms), receivers };
  const follower = probe.broadcast(look, answers);
  if (answers !== undefined) answers.follower = follower;
}

/** An event for one socket, which the adapter sends so that it is recorded. */
function lookAtOne(
  probe: PacketProbe,
  nsp: AdapterNamespace,
  { rooms }: BroadcastOptions,
  { parts, event }: Sent,
): void {
  const { type = 2, id, data } = event;
  const [room = ""] = rooms;
  const socket = nsp.sockets.get(room);
  lookAtSent(probe, { type, id, data, nsp: nsp.name }, { sid: sidOf(socket), parts, acks: socket?.acks });
}

function sidOf(socket: AdapterSocket | undefined): string {
  const conn = socket?.client.conn as { readonly id?: string } | undefined;
  return conn?.id ?? "";
}
