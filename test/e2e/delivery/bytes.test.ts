import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "@portage/server";
import { afterEach, describe, expect, test } from "vitest";
import { type ClientOptions, CLIENTS, type Connect, WAYS } from "../../support/clients.ts";
import { nextEvent } from "../../support/waiting.ts";

/** Bytes that programs emit in all the forms they have, to single sockets and to all. */

const BYTES = Uint8Array.from({ length: 16 }, (_, at) => at * 15);
const LARGE = new Uint8Array(300_000).fill(3);
const copy = (): ArrayBuffer => BYTES.slice().buffer;

/** An event, and the bytes that must arrive. */
const FORMS: Readonly<Record<string, () => readonly [unknown, Uint8Array]>> = {
  Buffer: () => [Buffer.from(copy()), BYTES],
  ArrayBuffer: () => [copy(), BYTES],
  "an empty ArrayBuffer": () => [new ArrayBuffer(0), new Uint8Array(0)],
  "a large ArrayBuffer": () => [LARGE.slice().buffer, LARGE],
  "part of an ArrayBuffer": () => [new Uint8Array(copy(), 2, 5), BYTES.subarray(2, 7)],
  Uint16Array: () => [new Uint16Array(copy()), BYTES],
  Float64Array: () => [new Float64Array(copy()), BYTES],
  DataView: () => [new DataView(copy(), 1, 4), BYTES.subarray(1, 5)],
};

const closers: Array<() => void> = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function connected(connect: Connect, options: ClientOptions, ofServer: Partial<ServerOptions> = {}) {
  const http = createServer();
  const io = new Server(http, { allowEIO3: true, ...ofServer });
  closers.push(() => io.close());
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const joined = nextEvent<[{ emit(event: string, ...args: unknown[]): unknown }]>(io, "connection");
  const client = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, options);
  closers.push(() => client.close());
  const opened = nextEvent(client, "connect");
  const [socket] = await joined;
  await opened;
  return { io, socket, client };
}

const asBytes = (data: unknown): Buffer =>
  ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data as ArrayBuffer);

describe.each(Object.entries(CLIENTS))("%s", (_name, connect) => {
  test.each(Object.entries(WAYS))("receives bytes in all forms: %s", async (_way, options) => {
    const { io, socket, client } = await connected(connect, options);
    for (const [form, make] of Object.entries(FORMS)) {
      for (const [whom, sender] of Object.entries({ io, socket })) {
        const [value, expected] = make();
        const arrived = nextEvent(client, "bytes");
        sender.emit("bytes", value);
        const [got] = await arrived;
        expect(asBytes(got).equals(expected), `${form} by ${whom}.emit()`).toBe(true);
      }
    }
  });
});

/** A parser of a program: JSON as bytes, in the form that `make` gives it. */
function jsonParser(make: (bytes: Uint8Array<ArrayBuffer>) => unknown) {
  class Encoder {
    encode(packet: unknown): never[] {
      return [make(Uint8Array.from(Buffer.from(JSON.stringify(packet)))) as never];
    }
  }
  class Decoder extends EventEmitter {
    add(chunk: Uint8Array | ArrayBuffer): void {
      this.emit("decoded", JSON.parse(asBytes(chunk).toString()));
    }
    destroy(): void {
      this.removeAllListeners();
    }
  }
  return { Encoder, Decoder };
}

const PACKETS: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown>> = {
  Buffer: (bytes) => Buffer.from(bytes),
  Uint8Array: (bytes) => bytes,
  ArrayBuffer: (bytes) => bytes.buffer,
  DataView: (bytes) => new DataView(bytes.buffer),
};

describe.each(Object.entries(PACKETS))("a parser that encodes packets as %s", (_form, make) => {
  const ours = jsonParser((bytes) => Buffer.from(bytes));

  test.each(Object.entries(WAYS))("has its packets delivered in order: %s", async (_way, options) => {
    const parser = jsonParser(make) as unknown as ServerOptions["parser"];
    for (const connect of [CLIENTS["@portage/client"]!, CLIENTS["socket.io-client 4.8"]!]) {
      const { io, socket, client } = await connected(connect, { ...options, parser: ours }, { parser });
      const got: unknown[] = [];
      client.on("count", (value: unknown) => got.push(value));
      const last = nextEvent(client, "last");
      io.emit("count", 1);
      socket.emit("count", 2);
      io.emit("count", 3);
      socket.emit("last");
      await last;
      expect(got).toEqual([1, 2, 3]);
    }
  });
});
