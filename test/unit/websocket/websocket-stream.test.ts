import { describe, expect, it } from "vitest";
import { createWebSocketStream } from "../../../packages/websocket/src/websocket-stream.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { Piped } from "./piped.ts";

describe("a socket as a stream, in memory", () => {
  it("stops reading from the peer while the program does not read, and resumes", async () => {
    const { client, peer } = await new Piped().opened();
    const stream = createWebSocketStream(client, { readableHighWaterMark: 10 });
    for (let count = 0; count < 10; count++) peer.send("12345678");
    await turn();
    await turn();
    expect(client.isPaused).toBe(true);
    let size = 0;
    const all = new Promise<void>((resolve) => {
      stream.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size === 80) resolve();
      });
    });
    await all;
    expect(client.isPaused).toBe(false);
    stream.destroy();
  });

  it("finishes when the socket has closed by itself while it was being ended", async () => {
    const { client, peer } = await new Piped().opened();
    const stream = createWebSocketStream(client);
    stream.resume();
    peer.terminate();
    stream.end();
    await nextEvent(stream, "close");
    expect(stream.errored).toBe(null);
  });

  it("passes on the error of a late write", async () => {
    const { client } = await new Piped().opened();
    const stream = createWebSocketStream(client);
    client.terminate();
    stream.write("late");
    expect(await nextEvent(stream, "error")).toMatchObject([
      { message: "WebSocket is not open: readyState 2 (CLOSING)" },
    ]);
  });
});
