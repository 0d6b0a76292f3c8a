import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { OpenAnswer } from "../../../packages/server/src/engine/http/open-answer.ts";

/** Begins an answer, and returns what each write to its connection carries. */
function open(): { answer: OpenAnswer; writes: string[] } {
  const writes: string[] = [];
  const connection = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(chunk.toString());
      done();
    },
    writev: (chunks: readonly { chunk: Buffer }[], done) => {
      writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString());
      done();
    },
  }) as Socket;
  const req = new IncomingMessage(connection);
  Object.assign(req, { httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: "1.1" });
  const res = new ServerResponse(req);
  res.assignSocket(connection);
  res.writeHead(200, { "Content-Type": "text/event-stream" });
  return { answer: new OpenAnswer(res), writes };
}

const endOfTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test("the head and what follows at once are one write, so that no cut comes between", async () => {
  const { answer, writes } = open();
  answer.write(Buffer.from("2\r\n:\n\r\n"));
  await endOfTick();
  expect(writes).toEqual([expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n[^]+\r\n\r\n2\r\n:\n\r\n$/)]);
  answer.write(Buffer.from("2\r\na\n\r\n"));
  expect(writes).toEqual([expect.any(String), "2\r\na\n\r\n"]);
});

test("a head with nothing behind it leaves as well; so does an answer that ends at once", async () => {
  const { writes } = open();
  const ended = open();
  ended.answer.end();
  await endOfTick();
  expect(writes).toEqual([expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n[^]+\r\n\r\n$/)]);
  expect(ended.writes.join("")).toMatch(/\r\n\r\n0\r\n\r\n$/);
});
