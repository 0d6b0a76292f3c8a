import { describe, expect, it } from "vitest";
import { checkDeflateOptions } from "../../../../packages/websocket/src/core/deflate/deflate-options.ts";
import {
  checkDeflateAnswer,
  type DeflateOptions,
  negotiateDeflate,
  offerDeflate,
} from "../../../../packages/websocket/src/core/deflate/deflate-params.ts";

const NAME = "permessage-deflate";

/**
 * `[offer, options, response]` for RFC 7692, 7.1.1.1, 7.1.1.2, 7.1.2.1 and 7.1.2.2. The response is
 * the parameters after the name; undefined means declined.
 */
const NEGOTIATIONS: readonly [string, DeflateOptions, string | undefined][] = [
  [NAME, {}, ""],
  [`${NAME}; client_max_window_bits`, {}, ""],
  [`${NAME}; client_max_window_bits=10`, {}, "; client_max_window_bits=10"],
  [`${NAME}; client_max_window_bits="9"`, {}, "; client_max_window_bits=9"],
  [`${NAME}; client_max_window_bits`, { clientMaxWindowBits: 9 }, "; client_max_window_bits=9"],
  [`${NAME}; client_max_window_bits=8`, { clientMaxWindowBits: 9 }, "; client_max_window_bits=8"],
  [`${NAME}; client_max_window_bits=12`, { clientMaxWindowBits: 9 }, "; client_max_window_bits=9"],
  [NAME, { clientMaxWindowBits: 9 }, undefined],
  [`${NAME}; server_max_window_bits=8`, {}, "; server_max_window_bits=8"],
  [`${NAME}; server_max_window_bits=12`, { serverMaxWindowBits: 10 }, "; server_max_window_bits=10"],
  [`${NAME}; server_max_window_bits=10`, { serverMaxWindowBits: 12 }, "; server_max_window_bits=10"],
  [NAME, { serverMaxWindowBits: 12 }, "; server_max_window_bits=12"],
  [`${NAME}; server_no_context_takeover`, {}, "; server_no_context_takeover"],
  [NAME, { serverNoContextTakeover: true }, "; server_no_context_takeover"],
  [`${NAME}; server_no_context_takeover`, { serverNoContextTakeover: false }, undefined],
  [`${NAME}; client_no_context_takeover`, {}, "; client_no_context_takeover"],
  [NAME, { clientNoContextTakeover: true }, "; client_no_context_takeover"],
  [`${NAME}; client_no_context_takeover`, { clientNoContextTakeover: false }, ""],
  // RFC 7692, 7.1: offers that must be declined.
  [`${NAME}; server_max_window_bits`, {}, undefined],
  [`${NAME}; server_max_window_bits=7`, {}, undefined],
  [`${NAME}; server_max_window_bits=16`, {}, undefined],
  [`${NAME}; server_max_window_bits=08`, {}, undefined],
  [`${NAME}; client_max_window_bits=1e1`, {}, undefined],
  [`${NAME}; client_no_context_takeover=true`, {}, undefined],
  [`${NAME}; server_no_context_takeover; server_no_context_takeover`, {}, undefined],
  [`${NAME}; client_max_window_bits; client_max_window_bits=9`, {}, undefined],
  [`${NAME}; unknown`, {}, undefined],
  [`${NAME}; __proto__=8`, {}, undefined],
  ["permessage-bzip2", {}, undefined],
  ["__proto__", {}, undefined],
  [`${NAME};`, {}, undefined],
  // The first acceptable offer of several.
  [`${NAME}; unknown, ${NAME}; client_max_window_bits=11`, {}, "; client_max_window_bits=11"],
  [`other; x=1, ${NAME}; server_max_window_bits=9, ${NAME}`, {}, "; server_max_window_bits=9"],
  [`${NAME}; server_no_context_takeover, ${NAME}`, { serverNoContextTakeover: false }, ""],
];

describe("negotiateDeflate", () => {
  it.each(NEGOTIATIONS)("answers %j with %j", (offer, options, answer) => {
    const agreement = negotiateDeflate(offer, options);
    expect(agreement?.answer).toBe(answer === undefined ? undefined : NAME + answer);
  });

  it("returns the negotiated parameters", () => {
    const offer = `${NAME}; server_no_context_takeover; client_max_window_bits=11`;
    expect(negotiateDeflate(offer, { serverMaxWindowBits: 12 })?.params).toEqual({
      serverNoContextTakeover: true,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 12,
      clientMaxWindowBits: 11,
    });
  });

  it("finds no offer without a header", () => {
    expect(negotiateDeflate(undefined, {})).toBeUndefined();
  });
});

describe("offerDeflate", () => {
  it.each<[DeflateOptions, string]>([
    [{}, "; client_max_window_bits"],
    [{ clientMaxWindowBits: true }, "; client_max_window_bits"],
    [{ clientMaxWindowBits: 10 }, "; client_max_window_bits=10"],
    [{ clientMaxWindowBits: false }, ""],
    [{ clientMaxWindowBits: false, serverMaxWindowBits: 9 }, "; server_max_window_bits=9"],
    [
      { clientMaxWindowBits: false, serverNoContextTakeover: true, clientNoContextTakeover: true },
      "; server_no_context_takeover; client_no_context_takeover",
    ],
  ])("offers %j as %j", (options, offer) => {
    expect(offerDeflate(options)).toBe(NAME + offer);
  });

  it("is accepted by our own server, and its answer by the client", () => {
    for (const options of [{}, { serverMaxWindowBits: 8, clientMaxWindowBits: 8, serverNoContextTakeover: true }]) {
      const agreement = negotiateDeflate(offerDeflate(options), {});
      expect(checkDeflateAnswer(agreement!.answer, options)).toEqual(agreement!.params);
    }
  });
});

describe("checkDeflateAnswer", () => {
  const plain = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };

  it.each<[string, DeflateOptions, object]>([
    [NAME, {}, {}],
    [`${NAME}; client_no_context_takeover`, {}, { clientNoContextTakeover: true }],
    [`${NAME}; server_max_window_bits=9`, {}, { serverMaxWindowBits: 9 }],
    [`${NAME}; client_max_window_bits=9`, {}, { clientMaxWindowBits: 9 }],
    [`${NAME}; client_max_window_bits=9`, { clientMaxWindowBits: 10 }, { clientMaxWindowBits: 9 }],
    [NAME, { clientMaxWindowBits: 10 }, { clientMaxWindowBits: 10 }],
    [NAME, { clientNoContextTakeover: true }, { clientNoContextTakeover: true }],
  ])("accepts %j to an offer of %j", (answer, options, params) => {
    expect(checkDeflateAnswer(answer, options)).toEqual({ ...plain, ...params });
  });

  it.each<[string, DeflateOptions | undefined]>([
    [NAME, undefined],
    ["other", {}],
    [`${NAME}, ${NAME}`, {}],
    [`${NAME}; other`, {}],
    [`${NAME};`, {}],
    [`${NAME}; client_max_window_bits`, {}],
    [`${NAME}; client_max_window_bits=9`, { clientMaxWindowBits: false }],
    [`${NAME}; client_max_window_bits=11`, { clientMaxWindowBits: 10 }],
    [`${NAME}; server_max_window_bits=7`, {}],
    [`${NAME}; server_max_window_bits=12`, { serverMaxWindowBits: 10 }],
    [NAME, { serverMaxWindowBits: 10 }],
    [NAME, { serverNoContextTakeover: true }],
    [`${NAME}; client_no_context_takeover`, { clientNoContextTakeover: false }],
  ])("refuses %j to an offer of %j (RFC 7692, 5 and 7.1)", (answer, options) => {
    expect(checkDeflateAnswer(answer, options)).toBe("refused");
  });

  it("reads an empty header as none", () => expect(checkDeflateAnswer("", {})).toBeUndefined());
});

describe("checkDeflateOptions", () => {
  it("is off by default", () => {
    expect(checkDeflateOptions(undefined)).toBeUndefined();
    expect(checkDeflateOptions(false)).toBeUndefined();
    expect(checkDeflateOptions(true)).toEqual({});
  });

  it.each([7, 16, 9.5, -1, Infinity])("refuses a window of %d bits", (bits) => {
    expect(() => checkDeflateOptions({ serverMaxWindowBits: bits })).toThrow(RangeError);
    expect(() => checkDeflateOptions({ clientMaxWindowBits: bits })).toThrow(RangeError);
  });
});
