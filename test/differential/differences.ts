import type { Trace } from "../support/tracer.ts";

/** Scenarios with intended differences from the reference. */
export interface Difference {
  /** The reason of the difference. */
  readonly reason: string;
  readonly scenarios: readonly string[];
  /** Lines of the reference, and Portage's lines in their place; an empty list for none. Each must occur. */
  readonly becomes?: Readonly<Record<string, readonly string[]>>;
  /** Portage's version of lanes that differ in more than lines. */
  readonly lanes?: Trace;
}

/** Everything that is not listed here must be equal. */
const DIFFERENCES: readonly Difference[] = [
  {
    reason: "caches learn what they may keep (RFC 9110, section 15.4.5)",
    scenarios: ["conditional requests for a file"],
    becomes: { "status 304": ['status 304 | cache-control=public, max-age=0 | etag="<version>"'] },
  },
  {
    reason: "a refusal has the same status over WebSocket as over polling",
    scenarios: ["refuses with a message", "refuses without a message"],
    becomes: { "status 400 | content-type=text/html": ["status 403 | content-type=text/html"] },
  },
  {
    reason: "a revision that is not served is refused before the upgrade, not by HTTP bytes behind the 101",
    scenarios: ["revision 3 over websocket without allowEIO3"],
    becomes: {
      "status 101 | upgrade=websocket": ["status 400 | content-type=text/html"],
      "closed 21584": ["< Unsupported protocol version"],
    },
  },
  {
    reason: "the peer is told what the limit is, and no answer of the engine may be cached",
    scenarios: [
      "post: one byte over the limit",
      "post: over the limit in pieces",
      "post: over the limit in bytes only",
    ],
    becomes: {
      "status 413": ["status 413 | cache-control=no-store | content-type=application/json"],
      "< ": ['< {"code":8,"message":"Payload too large","limit":1000}'],
    },
  },
  {
    reason: "the same",
    scenarios: ["polling: an event over maxHttpBufferSize"],
    becomes: {
      "status 413": ["status 413 | cache-control=no-store | content-type=application/json"],
      "< ": ['< {"code":8,"message":"Payload too large","limit":500}'],
    },
  },
  {
    reason: "a POST that is too large is a refusal",
    scenarios: ["post: one byte over the limit"],
    becomes: {
      "connection polling 4 open": [
        "connection polling 4 open",
        'connection_error 8 Payload too large {"name":"PAYLOAD_TOO_LARGE","limit":1000,"actual":1001,"sid":"<sid 1 of A.poll>"}',
      ],
    },
  },
  {
    reason: "a POST that is too large is a refusal",
    scenarios: ["post: over the limit in pieces", "post: over the limit in bytes only"],
    becomes: {
      "connection polling 4 open": [
        "connection polling 4 open",
        'connection_error 8 Payload too large {"name":"PAYLOAD_TOO_LARGE","limit":1000,"actual":1201,"sid":"<sid 1 of A.poll>"}',
      ],
    },
  },
  {
    reason: "a POST that is too large is a refusal",
    scenarios: ["polling: an event over maxHttpBufferSize"],
    becomes: {
      "connection polling 4 open": [
        "connection polling 4 open",
        'connection_error 8 Payload too large {"name":"PAYLOAD_TOO_LARGE","limit":500,"actual":512,"sid":"<sid 1 of A.poll>"}',
      ],
    },
  },
  {
    reason: "405 is the status for methods that a session does not take",
    scenarios: ["PUT on a session", "DELETE on a session", "PATCH on a session"],
    becomes: { "500": ["405"] },
  },
  {
    reason: "the peer is told what is wrong, and no answer of the engine may be cached",
    scenarios: ['post of content type "application/octet-stream"'],
    becomes: {
      "status 400": ["status 400 | cache-control=no-store | content-type=application/json"],
      "< ": ['< {"message":"the body type is not allowed in the protocol revision of the client"}'],
    },
  },
  {
    reason: "no empty packet goes before the packet that closes the session",
    scenarios: [
      "polling: the server closes the connection",
      "polling: the server closes the engine session",
      "polling: garbage of the client",
      "raw auth payloads",
      "queued packets come before the end",
    ],
    becomes: { "< 6": [] },
  },
  {
    reason: "an empty message is an empty string, as it was sent",
    scenarios: [
      'EIO3 polling text ""',
      'EIO3 polling text "" in the binary form',
      "EIO3 binary body 0001ff34",
      "EIO3 websocket messages",
      "post: several packets",
    ],
    becomes: { "<undefined>": ["<empty>"] },
  },
  {
    reason: "a pong carries the data of its ping (Engine.IO protocol, revision 3)",
    scenarios: ["EIO3 pings of the client"],
    lanes: {
      "A.poll": [
        "status 200 | cache-control=no-store | content-type=text/plain; charset=UTF-8",
        '< 0{"sid":"<sid 1 of A.poll>","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
        "< 3",
        "< 3probe",
      ],
    },
  },
  {
    reason: "a binary payload that breaks off, or has no packet, is an error, as a text one is",
    scenarios: [
      "EIO3 binary body ",
      "EIO3 binary body 0105ff34",
      "EIO3 binary body 0201ff34",
      "EIO3 binary body 000909ff34",
    ],
    becomes: { "connection polling 3 open": ["connection polling 3 open", "close parse error closed"] },
  },
  {
    reason: "and its rest is not taken for a message",
    scenarios: ["EIO3 binary body 000909ff34"],
    becomes: { "<undefined>": [] },
  },
  {
    reason: "JSONP answers are scripts: a browser that is told not to sniff runs nothing else",
    scenarios: ["JSONP answers", 'JSONP index ""', 'JSONP index "abc"', 'JSONP index "1)"', 'JSONP index "12345"'],
    becomes: {
      "status 200 | cache-control=no-store | content-type=text/plain; charset=UTF-8": [
        "status 200 | cache-control=no-store | content-type=text/javascript; charset=UTF-8",
      ],
    },
  },
  {
    reason: "an error of the application is named, not a property of undefined",
    scenarios: ["garbage 4"],
    becomes: { "error Cannot read properties of undefined (reading 'base64')": ["error unknown packet type NaN"] },
  },
  {
    reason: "what is no packet at all ends a WebSocket with a code that says so",
    scenarios: ["garbage hello", "upgrade: garbage instead of a probe"],
    becomes: { "closed 1005": ["closed 1002"] },
  },
  {
    reason: "events and acks need their array: without it the packet is an error",
    scenarios: ["garbage 42", "garbage 43"],
    lanes: {
      engine: ["connection websocket 4 open", "close forced close closed"],
      server: [
        "connection /",
        "error invalid payload",
        "disconnecting forced close rooms 1",
        "disconnect forced close rooms 0",
      ],
    },
    becomes: { '> 42["end"]': ['> 42["end"]', "closed 1000"] },
  },
  {
    reason: "the application can see what its middleware said",
    scenarios: ["io.engine.use refuses"],
    becomes: {
      'connection_error 3 Bad request {"name":"MIDDLEWARE_FAILURE"}': [
        'connection_error 3 Bad request {"name":"MIDDLEWARE_FAILURE","error":{"error":"no"}}',
      ],
    },
  },
  {
    reason: "packets before the one that closes are delivered before the end",
    scenarios: ["polling: packets behind a close packet"],
    becomes: {
      before: [],
      "disconnecting transport close rooms 3": ["before", "disconnecting transport close rooms 3"],
    },
  },
  {
    reason: "base64 that is none is an error, not an empty message",
    scenarios: ["post: bad base64"],
    lanes: {
      "A.post": [
        "status 200 | cache-control=no-store | content-type=text/html",
        "< ok",
        "> 4quiet",
        "status 400 | content-type=application/json",
        '< {"code":1,"message":"Session ID unknown"}',
      ],
      engine: [
        "connection polling 4 open",
        "close parse error closed",
        'connection_error 1 Session ID unknown {"sid":"<sid 1 of A.poll>"}',
      ],
      messages: [],
    },
  },
  {
    reason: "a client that has got no event yet has no offset: it can be recovered all the same",
    scenarios: ["recovery: an empty offset", "recovery: a pid alone"],
    becomes: {
      '< 40{"sid":"<socket in server>","pid":"<pid 2 of B.ws>"}': [
        '< 42["first","<offset>"]',
        '< 42["missed","<offset>"]',
        '< 40{"sid":"<socket in server>","pid":"<pid 2 of A.ws>"}',
      ],
    },
    lanes: {
      server: [
        "connection /",
        'recovered false rooms ["own"] data {}',
        "disconnecting transport close rooms 2",
        "disconnect transport close rooms 0",
        "connection /",
        'recovered true rooms ["own","room"] data {}',
      ],
    },
  },
  {
    reason: "a pid belongs to one socket: who comes back takes it over",
    scenarios: ["recovery: somebody has come back with the same pid"],
    lanes: {
      server: [
        "connection /",
        'recovered false rooms ["own"] data {}',
        "disconnecting transport close rooms 1",
        "disconnect transport close rooms 0",
        "connection /",
        'recovered true rooms ["own"] data {}',
        "disconnecting transport close rooms 1",
        "disconnect transport close rooms 0",
        "connection /",
        'recovered true rooms ["own"] data {}',
      ],
    },
  },
  {
    reason: "and it need not wait until its loss has been noticed",
    scenarios: ["recovery: before the loss is noticed"],
    becomes: {
      '< 40{"sid":"<socket in server>","pid":"<pid 2 of B.ws>"}': [
        '< 40{"sid":"<socket in server>","pid":"<pid 2 of A.ws>"}',
      ],
    },
    lanes: {
      server: [
        "connection /",
        'recovered false rooms ["own"] data {}',
        "disconnecting transport close rooms 1",
        "disconnect transport close rooms 0",
        "connection /",
        'recovered true rooms ["own"] data {}',
      ],
    },
  },
];

/** Differences in every trace. */
const GENERAL: readonly { reason: string; pattern: RegExp; becomes: string }[] = [
  {
    reason: "a close frame of the reference has no code (1005); Portage says why",
    pattern: /^closed (1000|1001|1002|1005|1008)$/,
    becomes: "closed by the server",
  },
  {
    reason: "a session that polls is told why it ends, as a close frame would",
    pattern: /^< 11\d{3} [A-Z].*$/,
    becomes: "< 1",
  },
  {
    reason: "what is compressed by Accept-Encoding varies by it",
    pattern: /(, | \| vary=)Accept-Encoding$/,
    becomes: "",
  },
];

/** Returns a trace without the differences in every trace. */
export function generalise(trace: Trace): Trace {
  const rewrite = (line: string): string =>
    GENERAL.reduce((text, { pattern, becomes }) => text.replace(pattern, becomes), line);
  return Object.fromEntries(Object.entries(trace).map(([lane, lines]) => [lane, lines.map(rewrite)]));
}

/** Returns the trace expected of Portage, from the reference's `trace`. */
export function expectation(scenario: string, trace: Trace): Trace {
  const differences = DIFFERENCES.filter((difference) => difference.scenarios.includes(scenario));
  const becomes: Record<string, readonly string[]> = Object.assign(
    {},
    ...differences.map((difference) => difference.becomes),
  );
  const unused = new Set(Object.keys(becomes));
  const rewrite = (line: string): readonly string[] => {
    unused.delete(line);
    return Object.hasOwn(becomes, line) ? (becomes[line] ?? []) : [line];
  };
  const rewritten = Object.entries(trace).map(([lane, lines]) => [lane, lines.flatMap(rewrite)] as const);
  if (unused.size > 0) throw new Error(`"${scenario}": the reference no longer has ${[...unused].join(" or ")}`);
  const lanes = Object.assign(
    Object.fromEntries(rewritten),
    ...differences.map((difference) => difference.lanes),
  ) as Trace;
  return Object.fromEntries(Object.entries(lanes).filter(([, lines]) => lines.length > 0));
}
