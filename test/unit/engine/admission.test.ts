import { describe, expect, test } from "vitest";
import { admit, admitRevision, askPermission } from "../../../packages/server/src/engine/admission/admission.ts";
import { prepareRequest } from "../../../packages/server/src/engine/http/request.ts";
import type { Refusal } from "../../../packages/server/src/engine/report/refusals.ts";

const SESSIONS: Record<string, { protocol: 3 | 4; transport: { name: string } }> = Object.assign(Object.create(null), {
  polls: { protocol: 4, transport: { name: "polling" } },
  upgraded: { protocol: 4, transport: { name: "websocket" } },
  old: { protocol: 3, transport: { name: "polling" } },
});

const rules = { transports: ["polling", "websocket"], session: (sid: string) => SESSIONS[sid] };

function request(url: string, method = "GET", headers: Record<string, string> = {}) {
  return prepareRequest({ url, method, headers } as never);
}

describe("a request", () => {
  const cases: Array<[what: string, url: string, method: string, isUpgrade: boolean, refusal: unknown]> = [
    ["a polling handshake", "/?EIO=4&transport=polling", "GET", false, undefined],
    ["a WebSocket handshake", "/?EIO=4&transport=websocket", "GET", true, undefined],
    ["a poll", "/?EIO=4&transport=polling&sid=polls", "GET", false, undefined],
    ["a POST", "/?EIO=4&transport=polling&sid=polls", "POST", false, undefined],
    ["an upgrade", "/?EIO=4&transport=websocket&sid=polls", "GET", true, undefined],
    ["a poll of revision 3", "/?transport=polling&sid=old", "GET", false, undefined],
    ["no query", "/", "GET", false, { code: 0, context: { transport: undefined } }],
    [
      "a prototype's name as transport",
      "/?transport=__proto__",
      "GET",
      false,
      { code: 0, context: { transport: "__proto__" } },
    ],
    ["another one", "/?transport=constructor", "GET", false, { code: 0, context: { transport: "constructor" } }],
    [
      "an unknown session",
      "/?EIO=4&transport=polling&sid=nobody",
      "GET",
      false,
      { code: 1, context: { sid: "nobody" } },
    ],
    [
      "a prototype's name as session",
      "/?EIO=4&transport=polling&sid=__proto__",
      "GET",
      false,
      { code: 1, context: { sid: "__proto__" } },
    ],
    ["a handshake by POST", "/?EIO=4&transport=polling", "POST", false, { code: 2, context: { method: "POST" } }],
    [
      "a handshake by OPTIONS",
      "/?EIO=4&transport=polling",
      "OPTIONS",
      false,
      { code: 2, context: { method: "OPTIONS" } },
    ],
    [
      "WebSocket without an upgrade",
      "/?EIO=4&transport=websocket",
      "GET",
      false,
      { code: 3, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } },
    ],
    [
      "a poll of an upgraded session",
      "/?EIO=4&transport=polling&sid=upgraded",
      "GET",
      false,
      { code: 3, context: { name: "TRANSPORT_MISMATCH", transport: "polling", previousTransport: "websocket" } },
    ],
    [
      "a WebSocket session, without an upgrade",
      "/?EIO=4&transport=websocket&sid=upgraded",
      "GET",
      false,
      { code: 3, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } },
    ],
    [
      "another revision than the session's",
      "/?EIO=3&transport=websocket&sid=polls",
      "GET",
      true,
      { code: 3, context: { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 } },
    ],
  ];
  for (const [what, url, method, isUpgrade, refusal] of cases) {
    test(`${what} is ${refusal ? "refused" : "admitted"}`, () => {
      expect(admit(request(url, method), isUpgrade, rules)).toEqual(refusal);
    });
  }

  test("is refused with an origin that is not a valid header value", () => {
    const req = request("/?EIO=4&transport=polling", "GET", { origin: "http://a\u0001" });
    expect(admit(req, false, rules)).toEqual({
      code: 3,
      context: { name: "INVALID_ORIGIN", origin: "http://a\u0001" },
    });
  });

  test("has a query without a prototype, with single protocol parameters", () => {
    const { _query } = request("/?EIO=3&EIO=4&transport=x&transport=polling&__proto__=1&toString=2&a=1&a=2");
    expect(Object.getPrototypeOf(_query)).toBe(null);
    expect({ ..._query }).toEqual({ EIO: "4", transport: "polling", ["__proto__"]: "1", toString: "2", a: "2" });
  });

  test("keeps a query that a middleware has made", () => {
    const req = { url: "/?a=1", _query: { a: "2" } };
    expect(prepareRequest(req as never)._query).toEqual({ a: "2" });
  });
});

describe("a handshake of revision 3", () => {
  for (const query of ["EIO=3", "EIO=5", ""]) {
    test(`(${query || "no EIO"}) needs allowEIO3`, () => {
      const req = request(`/?transport=polling&${query}`);
      expect(admitRevision(req, false)).toEqual({ code: 5, context: { protocol: 3 } });
      expect(admitRevision(req, true)).toBe(undefined);
    });
  }
});

describe("allowRequest", () => {
  const failures: unknown[] = [];
  const ask = async (allowRequest: Parameters<typeof askPermission>[1]): Promise<Array<Refusal | undefined>> => {
    const answers: Array<Refusal | undefined> = [];
    failures.length = 0;
    askPermission({} as never, allowRequest, {
      answer: (refusal) => answers.push(refusal),
      onFailure: (...failure) => failures.push(failure),
    });
    await new Promise((resolve) => setImmediate(resolve));
    return answers;
  };

  test("decides, once", async () => {
    expect(await ask(undefined)).toEqual([undefined]);
    expect(await ask((_req, callback) => (callback(null, true), callback("late", false)))).toEqual([undefined]);
    expect(await ask((_req, callback) => callback("no", false))).toEqual([{ code: 4, context: { message: "no" } }]);
  });

  test("that throws or rejects is a refusal without details of the error", async () => {
    const error = new Error("a secret");
    const refusal = [{ code: 4, context: { message: "Forbidden", error } }];
    expect(
      await ask(() => {
        throw error;
      }),
    ).toEqual(refusal);
    expect(failures).toEqual([[error, "thrown"]]);
    expect(await ask(async () => Promise.reject(error))).toEqual(refusal);
    expect(failures).toEqual([[error, "rejected"]]);
  });
});
