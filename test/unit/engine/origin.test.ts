import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { checkOrigin } from "../../../packages/server/src/engine/admission/origin.ts";

type Cors = Parameters<typeof checkOrigin>[1];
type CorsOptions = Exclude<Cors, (...args: never[]) => void>;
type CorsOptionsDelegate = Exclude<Cors, CorsOptions>;
type Headers = Record<string, string>;

function isAllowed(
  cors: CorsOptions | CorsOptionsDelegate,
  origin?: string,
  headers: Headers = { host: "chat.example" },
): boolean | undefined {
  let answer: boolean | undefined;
  const all = { ...headers, ...(origin === undefined ? {} : { origin }) };
  checkOrigin({ headers: all } as unknown as IncomingMessage, cors, (isIt) => (answer = isIt));
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
    expect(isAllowed({ origin }, "https://A.example:443")).toBe(true);
  });

  test("may be any", () => {
    for (const origin of [true, "*", undefined]) expect(isAllowed({ origin }, B)).toBe(true);
    expect(isAllowed({ origin: false }, B)).toBe(false);
    expect(isAllowed({ origin: ["null"] }, "null")).toBe(true);
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

const DEVELOPMENT = { origin: "http://localhost:5173" };

describe("the server's own origin, with cors set for another", () => {
  test.each<[string, string, Headers]>([
    ["as it is", "https://chat.example", { host: "chat.example" }],
    ["with a port", "http://chat.example:3000", { host: "chat.example:3000" }],
    ["the default port, said by the proxy", "https://chat.example", { host: "chat.example:443" }],
    ["the default port behind a proxy that ends TLS", "https://chat.example", { host: "chat.example:80" }],
    ["the default port, said by the client", "https://chat.example:443", { host: "chat.example" }],
    ["a host in capitals", "https://chat.example", { host: "Chat.EXAMPLE" }],
    ["an origin in capitals", "HTTPS://Chat.Example", { host: "chat.example" }],
    ["a full stop at the end", "https://chat.example.", { host: "chat.example" }],
    ["a full stop at the end of the host", "https://chat.example", { host: "chat.example.:443" }],
    ["a name that is not ASCII", "https://bücher.example", { host: "xn--bcher-kva.example" }],
    ["IPv6", "http://[::1]:3000", { host: "[::1]:3000" }],
    ["IPv6 in another spelling", "http://[0:0:0:0:0:0:0:1]", { host: "[::1]:80" }],
    ["the upstream's name", "https://chat.example", { host: "backend:3000", "x-forwarded-host": "chat.example" }],
    ["a port of its own", "https://chat.example:8443", { host: "backend", "x-forwarded-host": "chat.example:8443" }],
    ["a port left out", "https://chat.example:8443", { host: "backend", "x-forwarded-host": "chat.example" }],
    ["several proxies", "https://chat.example", { host: "b", "x-forwarded-host": "Chat.example:443, inner.example" }],
    [
      "several proxies, the other way round",
      "https://chat.example",
      { host: "b", "x-forwarded-host": "in, chat.example" },
    ],
    ["Forwarded", "https://chat.example", { host: "b", forwarded: "for=192.0.2.1;host=chat.example;proto=https" }],
    [
      "Forwarded in quotes",
      "https://chat.example:8443",
      { host: "b", forwarded: 'Host="chat.example:8443";proto=https' },
    ],
    [
      "Forwarded with IPv6",
      "http://[2001:db8::1]:81",
      { host: "b", forwarded: 'for="[::1]:9";host="[2001:db8::1]:81"' },
    ],
    [
      "Forwarded by several",
      "https://chat.example",
      { host: "b", forwarded: "host=inner, for=1.2.3.4 ; host=chat.example" },
    ],
    ["another header", "https://chat.example", { host: "b", "x-original-host": "chat.example" }],
    [
      "a port inside a container",
      "https://chat.example",
      { host: "chat.example:8080", "x-forwarded-for": "192.0.2.1" },
    ],
    ["a port that was dropped", "http://chat.example:8080", { host: "chat.example", "x-real-ip": "192.0.2.1" }],
    ["the browser's word", "https://chat.example", { host: "backend:3000", "sec-fetch-site": "same-origin" }],
    ["no encryption in the origin", "ws://chat.example:3000", { host: "chat.example:3000" }],
    ["the scheme of WebSocket", "wss://chat.example", { host: "chat.example" }],
    ["a path", "http://chat.example:3000/socket.io/?EIO=4", { host: "chat.example:3000" }],
    ["a slash", "http://chat.example/", { host: "chat.example" }],
  ])("%s: %s", (_name, origin, headers) => {
    expect(isAllowed(DEVELOPMENT, origin, headers)).toBe(true);
  });
});

describe("origins other than a browser's page", () => {
  test.each([
    "wss://chat.example",
    "ws://192.0.2.1:3000",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "app://-",
    "android-app://org.example",
    "file://",
    "file:///android_asset/index.html",
    "*",
    "",
    "chat",
    "chat.example:3000",
  ])("%j is let in", (origin) => {
    expect(isAllowed(DEVELOPMENT, origin, { host: "backend:3000" })).toBe(true);
    expect(isAllowed({ origin: false }, origin, { host: "backend:3000" })).toBe(true);
  });
});

describe("pages of others stay outside", () => {
  const HOST = { host: "chat.example" };
  test.each<[string, Headers]>([
    ["https://evil.example", HOST],
    ["https://evil.example:443", HOST],
    ["https://evil.example/", HOST],
    ["https://evil.example/https://chat.example", HOST],
    ["https://chat.example.evil.example", HOST],
    ["https://evilchat.example", HOST],
    ["https://chat.example@evil.example", HOST],
    ["https://chat.example:8443", HOST],
    ["http://localhost", { host: "localhost:3000" }],
    ["http://localhost:3001", { host: "localhost:3000" }],
    ["http://[::2]:3000", { host: "[::1]:3000" }],
    ["null", HOST],
    ["null", {}],
    ["https://evil.example", {}],
    ["https://evil.example", { host: "" }],
    ["https://evil.example", { host: "not a host" }],
    [
      "https://evil.example",
      { host: "chat.example", "x-forwarded-for": "192.0.2.1", "x-forwarded-host": "chat.example" },
    ],
    ["https://chat.example:8443", { host: "chat.example", "x-forwarded-host": "chat.example:9443" }],
    ["https://evil.example", { host: "b", forwarded: "for=evil.example;by=evil.example;host=chat.example" }],
    ["https://evil.example", { host: "chat.example", "sec-fetch-site": "cross-site" }],
    ["https://evil.example", { host: "chat.example", "sec-fetch-site": "same-site" }],
    ["chrome-extension://abcdefgh", HOST],
    ["moz-extension://a-b-c", HOST],
    ["safari-web-extension://a-b-c", HOST],
    ["file://", { host: "chat.example", cookie: "session=1" }],
    ["file://", { host: "chat.example", authorization: "Basic YTpi" }],
  ])("%s", (origin, headers) => {
    expect(isAllowed(DEVELOPMENT, origin, headers)).toBe(false);
  });

  test("a header with very many hosts is not read to its end", () => {
    const many = `${"a.example,".repeat(1000)}evil.example`;
    expect(isAllowed(DEVELOPMENT, "https://evil.example", { host: "b", "x-forwarded-host": many })).toBe(false);
    const hosts = `${"host=a.example,".repeat(1000)}host=evil.example`;
    expect(isAllowed(DEVELOPMENT, "https://evil.example", { host: "b", forwarded: hosts })).toBe(false);
  });
});
