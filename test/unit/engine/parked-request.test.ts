import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prepareRequest } from "../../../packages/server/src/engine/http/request.ts";
import { ParkedRequest } from "../../../packages/server/src/engine/http/parked-request.ts";

const server = createServer();
let receive: (more?: OutgoingHttpHeaders) => Promise<IncomingMessage>;

beforeEach(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const headers: OutgoingHttpHeaders = {
    "X-One": "a, b",
    "Set-Cookie": "b=2",
    Cookie: "a=1",
    "x-empty": "",
    "User-Agent": "caf\u00e9",
  };
  receive = async (more = {}) => {
    const path = "/engine.io/?EIO=4&transport=polling&q=%20";
    request({ host: "127.0.0.1", port, path, headers: { ...headers, ...more } }).end();
    const [req, res] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
    res.end();
    return req;
  };
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

describe("a parked request", () => {
  test("returns the request with its HTTP fields", async () => {
    const req = await receive();
    const parked = ParkedRequest.of(prepareRequest(req));
    const restored = parked?.restore();
    expect(restored).not.toBe(req);
    for (const name of ["url", "method", "httpVersion", "httpVersionMajor", "httpVersionMinor", "socket"] as const)
      expect(restored?.[name]).toBe(req[name]);
    expect(restored?.rawHeaders).toStrictEqual(req.rawHeaders);
    expect(restored?.headers).toStrictEqual(req.headers);
    expect(restored?.headersDistinct).toStrictEqual(req.headersDistinct);
    expect(restored?._query).toStrictEqual(prepareRequest(req)._query);
    expect(restored?.complete).toBe(true);
  });

  test("is not parked with something of the program's on it", async () => {
    const req = Object.assign(await receive(), { user: "ada" });
    expect(ParkedRequest.of(prepareRequest(req))).toBeUndefined();
  });

  test("is not parked with a header that comes twice", async () => {
    const req = await receive({ "x-twice": ["a", "b"] });
    expect(ParkedRequest.of(prepareRequest(req))).toBeUndefined();
  });
});
