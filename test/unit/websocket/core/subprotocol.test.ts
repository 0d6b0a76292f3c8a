import { describe, expect, it } from "vitest";
import { parseProtocols } from "../../../../packages/websocket/src/core/handshake/subprotocol.ts";

describe("Sec-WebSocket-Protocol", () => {
  it.each([
    [undefined, []],
    ["one", ["one"]],
    ["one,two", ["one", "two"]],
    ["one ,\ttwo", ["one", "two"]],
    ["a!#$%&'*+-.^_`|~9", ["a!#$%&'*+-.^_`|~9"]],
  ])("%j offers %j", (header, protocols) => {
    expect([...parseProtocols(header)!]).toEqual(protocols);
  });

  it.each(["", ",", " a", "a ", "a,", "a,,b", "a b", "a, a", 'a="b"', "é"])("%j is malformed", (header) => {
    expect(parseProtocols(header)).toBe(undefined);
  });
});
