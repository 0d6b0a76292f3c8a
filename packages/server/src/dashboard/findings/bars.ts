/**
 * Where a finding begins. Shares count from a least rate or number on: on a quiet server, one client has
 * the largest share of everything by nature.
 */
export const BARS = {
  /** Delay of one in a hundred turns, and delays that come twice in half a minute, in milliseconds. */
  loopLate: { p99: 100, stalls: 500, handlerShare: 0.5 },
  /** A listener matters where the loop is late, in milliseconds, or busy, as a share of the time. */
  hotEvent: { share: 0.6, p99: 50, busy: 0.7 },
  slowClients: { named: 3 },
  /** Deliveries a second, and rooms that have any: with two rooms, one has most of the traffic. */
  hotRoom: { share: 0.5, rate: 200, rooms: 3 },
  /** Packets a second of this client, and how many times the mean of all clients that send. */
  hotClient: { share: 0.25, rate: 50, timesTheMean: 4 },
  /** Closed sockets that have met a collection, and the share that outlived it. */
  keptSockets: { watched: 8, share: 0.5 },
  /** Connections of all, and of one network. */
  stuckOnPolling: { share: 0.2, connections: 5, ofNetwork: 3, named: 3 },
  /** Requests, and seconds with any: a burst after a restart is over at once. `start`: seconds to wait. */
  notSticky: { count: 5, seconds: 3, start: 20 },
  /** A few mobile clients vanish at any time. */
  timeouts: { count: 5, share: 0.05 },
  /** Ends and opens in 30 s. One network is named if it has most of them. */
  reconnectStorm: { count: 10, share: 0.2, ofNetwork: 0.7 },
  acksUnanswered: { count: 20, share: 0.5 },
  handlersFail: { count: 3 },
  oldClients: { count: 5, share: 0.05 },
  nearLimit: { share: 0.8 },
} as const;
