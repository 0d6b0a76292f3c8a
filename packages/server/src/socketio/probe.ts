/*
 * What may look at a sample of the packets of a server.
 * Knows: how a look is asked for. The server counts down, and calls the probe at 0.
 * Must not know: who looks, and what for.
 */
import { kProbe } from "./keys.ts";

/** A packet, while it is received or sent. */
export interface PacketLook {
  /** The id of the session that receives or sends it; empty in an adapter without a server. */
  readonly sid: string;
  readonly namespace: string;
  /** The name of the event; undefined for any other packet. */
  readonly event: string | undefined;
  /** Bytes of binary data and characters of text. */
  readonly size: number;
}

/** A packet that an adapter sends to the members of rooms. */
export interface BroadcastLook extends Omit<PacketLook, "sid"> {
  /** The rooms that it is addressed to; empty for all sockets of the namespace. */
  readonly rooms: Iterable<string>;
  /** How many sockets it is addressed to, including the excepted ones. */
  readonly receivers: number;
}

/** The acknowledgements of a broadcast. Both numbers grow. */
export interface BroadcastAnswers {
  /** How many clients were asked. */
  readonly asked: number;
  readonly answered: number;
}

/** Gets the acknowledgements of a packet after the look. */
export interface AnswerFollower {
  /** One has come, after so many milliseconds. A broadcast may get many. */
  answered(ms: number): void;
}

/** Gets what happens to a received packet after the look. The server acknowledges it. */
export interface PacketFollower extends AnswerFollower {
  /** Middlewares, or listeners, are about to be called. */
  begins(): void;
  /** Middlewares and listeners to all events have returned, after so many milliseconds. */
  passed(ms: number): void;
  /** The listeners of its event have returned, after so many milliseconds. Nothing follows. */
  handled(ms: number): void;
}

/**
 * Looks at a sample of the packets of a server. The server subtracts, and calls the probe when it reaches 0 or less; the
 * probe then sets the number again. It must not throw.
 */
export interface PacketProbe {
  /** Packets from and to single clients until the next look at one. */
  left: number;
  /** Deliveries of broadcasts until the next look at a broadcast: one for each receiver. */
  deliveriesLeft: number;
  /** Looks at a packet of a client, before it is handled. Returns who follows it. */
  received(look: PacketLook): PacketFollower | undefined;
  /** Looks at a packet for one client. `asks`: it asks for an acknowledgement. Returns who follows it. */
  sent(look: PacketLook, asks: boolean): AnswerFollower | undefined;
  /** Looks at a broadcast, and at its acknowledgements if it asks for any. Returns who follows them. */
  broadcast(look: BroadcastLook, answers?: BroadcastAnswers): AnswerFollower | undefined;
}

/**
 * Lets a probe look at the packets of a server, instead of an earlier probe. Without a probe, the server looks at nothing.
 *
 * @returns a function that ends it
 */
export function observeServer(server: { [kProbe]: PacketProbe | undefined }, probe: PacketProbe): () => void {
  server[kProbe] = probe;
  return () => {
    if (server[kProbe] === probe) server[kProbe] = undefined;
  };
}
