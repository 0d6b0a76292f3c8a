/**
 * Where a finding begins. Shares count from a least rate or number on: on a quiet server, one client has
 * the largest share of everything by nature.
 */
export const BARS = {
  /**
   * Delay of one in a hundred turns, delays that come twice in half a minute, and delays by own work that come again and again,
   * in milliseconds. `habit` counts if listeners of one event took most of such a delay, `anyHabit` without them.
   */
  loopLate: { p99: 100, stalls: 500, habit: 250, anyHabit: 500, handlerShare: 0.5, ofDelay: 0.7 },
  /** A listener matters where the loop is late, in milliseconds, or busy, as a share of the time. */
  hotEvent: { share: 0.6, p99: 50, busy: 0.7 },
  slowClients: { named: 3 },
  /**
   * Deliveries a second, and rooms that have any: with two rooms, one has most of the traffic. It is sent to so many times as
   * often as any other, even more often if all are in it: a large room has most deliveries by nature. With fewer `receivers` it
   * is a client that gets much.
   */
  hotRoom: { share: 0.5, rate: 200, rooms: 3, timesTheOthers: 4, members: 0.9, timesOfAll: 20, receivers: 1.5 },
  /** Packets a second of this client, how many times the mean of all clients that send, and seconds of 20: an upload ends. */
  hotClient: { share: 0.25, rate: 50, timesTheMean: 4, seconds: 15 },
  /** The share of the time for which other programs have the processor: listeners take longer, and pile up. */
  crowded: 0.2,
  /** Closed sockets that have met a collection, and the share that outlived it. */
  keptSockets: { watched: 8, share: 0.5 },
  /** Connections of all, and of one network. */
  stuckOnPolling: { share: 0.2, connections: 5, ofNetwork: 3, named: 3 },
  /** Requests, and seconds with any: a burst after a restart is over at once. `start`: seconds to wait. */
  notSticky: { count: 5, seconds: 3, start: 20 },
  /** A few mobile clients vanish at any time. */
  timeouts: { count: 5, share: 0.05 },
  /**
   * Ends and opens in 30 s. One network is named if it has most of them. `again`: the share of the least number that ends
   * beside the largest burst, since all clients reconnect once when a proxy is restarted.
   */
  reconnectStorm: { count: 10, share: 0.2, ofNetwork: 0.7, again: 0.5 },
  acksUnanswered: { count: 20, share: 0.5 },
  handlersFail: { count: 3 },
  oldClients: { count: 5, share: 0.05 },
  nearLimit: { share: 0.8 },
} as const;
