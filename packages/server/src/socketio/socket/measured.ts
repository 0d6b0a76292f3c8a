/*
 * Counts and times events for the option `eventMetrics`. Without the option, nothing here runs.
 */
import type { Adapter, BroadcastFlags, BroadcastOptions } from "../adapter/adapter.ts";
import type { AdapterPacket } from "../adapter/surface.ts";
import { kEngineClock } from "../../engine/index.ts";
import type { EventTally } from "../host/event-tally.ts";
import { kRunListeners, kCollectAnswers, kOneSocket, kSendEvent, kTally } from "../keys.ts";
import { LAYER_CHANNELS } from "../report/channels.ts";
import { traceDelivery } from "../tracing.ts";
import { Socket } from "./socket.ts";

/** A socket of a server with the option `eventMetrics`. */
export class MeasuredSocket extends Socket {
  override [kSendEvent](data: unknown[], flags: BroadcastFlags | undefined): void {
    const { name, server } = this.nsp;
    server[kTally].events!.of(name, data[0]).out += 1;
    super[kSendEvent](data, flags);
  }

  override [kRunListeners](event: unknown[]): void {
    // The library emits it when a middleware has refused an event.
    if (event[0] === "error") return super[kRunListeners](event);
    const { name, server } = this.nsp;
    const counts = server[kTally].events!.of(name, event[0]);
    counts.in += 1;
    if (this.listenerCount(event[0] as string) === 0) return super[kRunListeners](event);
    const clock = server[kEngineClock];
    const since = clock.now();
    traceDelivery(this, event, (trace) => {
      const seconds = (clock.now() - since) / 1000;
      counts.addDuration(seconds);
      const { handled } = LAYER_CHANNELS;
      if (handled.hasSubscribers) handled.publish({ server, counts, seconds, trace });
    });
  }
}

/** The methods of adapters by which a program sends broadcasts. */
const BROADCASTS = ["broadcast", "broadcastWithAck", kCollectAnswers] as const;

/** Counts the broadcasts that a program sends through an adapter. Those of other servers do not pass these methods. */
export function countBroadcasts(adapter: Adapter, namespace: string, events: EventTally): void {
  const members = adapter as { [method in (typeof BROADCASTS)[number]]?: (...args: never[]) => unknown };
  for (const method of BROADCASTS) {
    const original = members[method];
    if (original === undefined) continue;
    members[method] = (packet: AdapterPacket, opts: BroadcastOptions, ...rest: unknown[]) => {
      // An event to one client has been counted already.
      if (opts[kOneSocket] !== true) events.of(namespace, packet.data[0]).out += 1;
      return Reflect.apply(original, adapter, [packet, opts, ...rest]) as unknown;
    };
  }
}
