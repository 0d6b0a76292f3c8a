// Clients that cost next to nothing: hand-made frames on bare TCP sockets, and bare HTTP requests with keep-alive.
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A masked text or binary frame. The mask is not zero: `ws` unmasks nothing then. */
export function frame(data) {
  const payload = Buffer.from(data);
  const opcode = typeof data === "string" ? 0x81 : 0x82;
  const head =
    payload.length < 126
      ? Buffer.from([opcode, 0x80 | payload.length])
      : payload.length < 65_536
        ? Buffer.from([opcode, 0xfe, payload.length >> 8, payload.length & 255])
        : Buffer.concat([Buffer.from([opcode, 0xff, 0, 0, 0, 0]), uint32(payload.length)]);
  return Buffer.concat([head, MASK, payload.map((byte, at) => byte ^ MASK[at & 3])]);
}

function uint32(value) {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** A Socket.IO client on a bare TCP socket, connected to the main namespace. It counts frames by their length alone. */
export class WireClient {
  frames = 0;
  onFrame = () => {};
  #rest = Buffer.alloc(0);

  static async open(port) {
    const client = new WireClient();
    const socket = connect(port, "127.0.0.1");
    client.socket = socket;
    socket.setNoDelay(true);
    socket.write(
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await new Promise((resolve) => {
      let head = Buffer.alloc(0);
      const onData = (chunk) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end === -1) return;
        socket.off("data", onData);
        socket.on("data", (data) => client.#read(data));
        client.#read(head.subarray(end + 4));
        resolve();
      };
      socket.on("data", onData);
    });
    socket.write(frame("40"));
    await client.next(2);
    return client;
  }

  /** Waits until so many frames have come in all. */
  next(total) {
    if (this.frames >= total) return Promise.resolve();
    return new Promise((resolve) => {
      this.onFrame = () => {
        if (this.frames < total) return;
        this.onFrame = () => {};
        resolve();
      };
    });
  }

  #read(chunk) {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (data.length >= 2) {
      let length = data[1];
      let start = 2;
      if (length === 126) {
        if (data.length < 4) break;
        length = data.readUInt16BE(2);
        start = 4;
      } else if (length === 127) {
        if (data.length < 10) break;
        length = data.readUInt32BE(6);
        start = 10;
      }
      if (data.length < start + length) break;
      data = data.subarray(start + length);
      this.frames += 1;
      this.onFrame();
    }
    this.#rest = data;
  }

  close() {
    this.socket.destroy();
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

export async function http(port, method, path, body) {
  const req = request({
    port,
    host: "127.0.0.1",
    method,
    path,
    agent,
    headers: body ? { "content-length": Buffer.byteLength(body) } : {},
  });
  req.end(body);
  const [res] = await once(req, "response");
  let text = "";
  res.setEncoding("utf8");
  for await (const chunk of res) text += chunk;
  return text;
}

/** A Socket.IO client that polls. */
export class PollingClient {
  static async open(port) {
    const client = new PollingClient();
    client.port = port;
    const open = await http(port, "GET", "/socket.io/?EIO=4&transport=polling");
    client.path = `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(open.slice(1)).sid}`;
    await client.post("40");
    await client.poll();
    return client;
  }

  post(payload) {
    return http(this.port, "POST", this.path, payload);
  }

  poll() {
    return http(this.port, "GET", this.path);
  }
}
