// Clients of minimal cost: they send prepared bytes on bare TCP sockets, and count the received ones.
import { connect } from "node:net";
import { clientFrame, CLOSE_FRAME, FrameReader } from "./frames.mjs";

/** All clients read into one buffer, which is discarded. */
const scratch = Buffer.allocUnsafeSlow(256 * 1024);
const CONNECT = clientFrame("40");

/** Headers that a Chromium sends with a request to its own origin. */
export const BROWSER_HEADERS = [
  'sec-ch-ua: "Chromium";v="142", "Not?A_Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Cache-Control: no-cache",
  "Pragma: no-cache",
  "Referer: http://127.0.0.1/news/today.html",
  "Sec-Fetch-Dest: empty",
  "Sec-Fetch-Mode: cors",
  "Sec-Fetch-Site: same-origin",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Cookie: session=b3b1e2c0a8d94f57a1c6d7e8f9012345",
]
  .map((line) => `${line}\r\n`)
  .join("");

const upgradeRequest = (query, headers) =>
  `GET /socket.io/?EIO=4&transport=websocket${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n` +
  `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`;

/** A WebSocket that reads frame by frame at first, and later only counts bytes. */
export class WireClient {
  #frames = [];
  #onFrame = undefined;
  /** Reads received bytes; undefined: only count them. */
  #read;
  #left = Infinity;
  #done = () => {};
  #socket;
  #isClosed = false;
  #onClose = () => {};

  constructor(port, query = "", headers = "") {
    const frames = new FrameReader((payload) => {
      if (this.#onFrame) this.#onFrame(payload.toString("latin1"));
      else this.#frames.push(payload.toString("latin1"));
    });
    let head = "";
    this.#read = (chunk) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.#read = (data) => frames.read(data);
      this.#read(Buffer.from(head.slice(end + 4), "latin1"));
    };
    const callback = (size) => {
      if (this.#read === undefined) this.#count(size);
      else this.#read(Buffer.from(scratch.subarray(0, size)));
      return true;
    };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: scratch, callback } });
    // A stopped contender resets its connections.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#isClosed = true;
      this.#onClose();
    });
    this.#socket.write(upgradeRequest(query, headers));
  }

  /** A Socket.IO client, connected to the main namespace. */
  static async open(port, headers) {
    const client = new WireClient(port, "", headers);
    await client.frame();
    client.write(CONNECT);
    await client.frame();
    client.#read = undefined;
    return client;
  }

  /**
   * The same after polling: the session opens at one port, and its WebSocket arrives at another one.
   *
   * @param before called before the WebSocket connects
   */
  static async openUpgraded(port, through = port, before) {
    const polling = await PollingClient.open(port);
    const poll = polling.poll();
    await before?.();
    const client = new WireClient(through, `&sid=${polling.sid}`);
    client.write(clientFrame("2probe"));
    await client.frame();
    await poll;
    client.write(clientFrame("5"));
    client.write(clientFrame('420["echo",1]'));
    await client.frame();
    polling.destroy();
    client.#read = undefined;
    return client;
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Returns the payload of the next frame. */
  frame() {
    if (this.#frames.length > 0) return Promise.resolve(this.#frames.shift());
    return new Promise((resolve) => {
      this.#onFrame = (payload) => {
        this.#onFrame = undefined;
        resolve(payload);
      };
    });
  }

  /** Waits until this number of further bytes has arrived. */
  receive(bytes) {
    this.#left = bytes;
    return new Promise((resolve) => (this.#done = resolve));
  }

  /** Sends, and waits for this number of bytes in answer. */
  exchange(bytes, expected) {
    const done = this.receive(expected);
    this.#socket.write(bytes);
    return done;
  }

  /** Answers each frame of `size` bytes, and counts them in `count.pings`. */
  answerEach(size, bytes, count) {
    this.#read = (chunk) => {
      for (let at = 0; at < chunk.length; at += size) {
        count.pings += 1;
        this.#socket.write(bytes);
      }
    };
  }

  /** Stops reading. */
  stall() {
    this.#socket.pause();
  }

  /** Sends a close frame, and waits for the end of the connection. */
  close() {
    if (this.#isClosed) return undefined;
    this.#read = undefined;
    this.#left = Infinity;
    this.#socket.write(CLOSE_FRAME);
    return new Promise((resolve) => (this.#onClose = resolve));
  }

  destroy() {
    this.#socket.destroy();
  }

  #count(size) {
    this.#left -= size;
    if (this.#left > 0) return;
    if (this.#left < 0) throw new Error("more came in than expected");
    this.#left = Infinity;
    this.#done();
  }
}

/** One HTTP connection, one request at a time. */
class Pipe {
  #text = "";
  #done = () => {};

  constructor(port) {
    const callback = (size) => {
      this.#text += scratch.latin1Slice(0, size);
      this.#check();
      return true;
    };
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: scratch, callback } });
    this.socket.on("error", () => {});
  }

  /** Returns the body of the answer. */
  request(bytes) {
    this.socket.write(bytes);
    return new Promise((resolve) => (this.#done = resolve));
  }

  #check() {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end === -1) return;
    const at = this.#text.search(/content-length: /i) + 16;
    const length = Number.parseInt(this.#text.slice(at, end), 10);
    if (this.#text.length < end + 4 + length) return;
    const body = this.#text.slice(end + 4, end + 4 + length);
    this.#text = "";
    this.#done(body);
  }
}

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const post = (path, body) =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** A Socket.IO client on polling: one connection for GET, and another for POST when needed. */
export class PollingClient {
  #port;
  #polls;
  #posts = undefined;

  /** @param through the port of all requests after the first one */
  static async open(port, through = port) {
    const client = new PollingClient();
    client.#port = through;
    client.#polls = new Pipe(port);
    const open = await client.#polls.request(get("/socket.io/?EIO=4&transport=polling"));
    if (through !== port) {
      client.#polls.socket.destroy();
      client.#polls = new Pipe(through);
    }
    client.sid = JSON.parse(open.slice(1)).sid;
    client.path = `/socket.io/?EIO=4&transport=polling&sid=${client.sid}`;
    client.pollBytes = get(client.path);
    await client.#polls.request(client.prepare("40"));
    await client.poll();
    return client;
  }

  /** Returns a request that posts `body`. */
  prepare(body) {
    return post(this.path, body);
  }

  post(request) {
    this.#posts ??= new Pipe(this.#port);
    return this.#posts.request(request);
  }

  poll() {
    return this.#polls.request(this.pollBytes);
  }

  /** Posts, and polls until this number of packets has arrived. */
  async exchange(request, packets) {
    const posted = this.post(request);
    let left = packets;
    while (left > 0) {
      const body = await this.poll();
      left -= body.split("\x1e").length;
    }
    await posted;
  }

  destroy() {
    this.#polls.socket.destroy();
    this.#posts?.socket.destroy();
  }
}

/** Opens many clients without a connection storm. */
export async function openMany(Client, port, count, atOnce = 50) {
  const clients = [];
  while (clients.length < count) {
    const batch = Math.min(atOnce, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => Client.open(port)))));
  }
  return clients;
}
