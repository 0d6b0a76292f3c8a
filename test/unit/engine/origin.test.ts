import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { checkOrigin } from "../../../packages/server/src/engine/origin.ts";

type Cors = Parameters<typeof checkOrigin>[1];
type CorsOptions = Exclude<Cors, (...args: never[]) => void>;
type CorsOptionsDelegate = Exclude<Cors, CorsOptions>;

function isAllowed(cors: CorsOptions | CorsOptionsDelegate, origin?: string): boolean | undefined {
  let answer: boolean | undefined;
  const headers = { host: "chat.example", ...(origin === undefined ? {} : { origin }) };
  checkOrigin({ headers } as IncomingMessage, cors, (isIt) => (answer = isIt));
  return answer;
}

const A = "https://a.example";
const B = "https://b.example";

describe("the origin of a WebSocket", () => {
  const rules: [string, CorsOptions["origin"]][] = [
    ["a string", A],
    ["a list", ["https://c.example", A]],
    ["an expression", /^https:\/\/a\./g],
    ["a list of expressions", [/c\.example$/, /a\.example$/]],
    ["a function", (origin, answer) => answer(null, origin === A)],
    ["a function that gives a list", (_origin, answer) => answer(null, [A])],
  ];
  test.each(rules)("is checked by %s", (_name, origin) => {
    expect([isAllowed({ origin }, A), isAllowed({ origin }, A), isAllowed({ origin }, B)]).toEqual([true, true, false]);
    expect(isAllowed({ origin })).toBe(true);
    expect(isAllowed({ origin }, "http://chat.example")).toBe(true);
    expect(isAllowed({ origin }, "null")).toBe(false);
  });

  test("may be any", () => {
    for (const origin of [true, "*", undefined]) expect(isAllowed({ origin }, B)).toBe(true);
    expect(isAllowed({ origin: false }, B)).toBe(false);
  });

  test("is checked by options that depend on the request", () => {
    const delegate: CorsOptionsDelegate = (req, answer) => answer(null, { origin: req.headers.origin === A });
    expect([isAllowed(delegate, A), isAllowed(delegate, B)]).toEqual([true, false]);
  });

  test("a rule that fails or throws means no", () => {
    expect(isAllowed({ origin: (_origin, answer) => answer(new Error("no"), true) }, A)).toBe(false);
    expect(
      isAllowed(() => {
        throw new Error("a bug");
      }, A),
    ).toBe(false);
  });
});
