import { frame, type FrameSpec, OPCODE } from "../support/raw/frames.ts";
import type { Random } from "../support/random.ts";

/** Sentences of the protocols, right ones and wrong ones, from seeds. */

const EVENTS = [
  ..."x error connect connect_error disconnect disconnecting newListener removeListener __proto__ constructor".split(
    " ",
  ),
  ..."prototype toString hasOwnProperty then bystander2 join leave ask".split(" "),
];
const NAMESPACES = [
  "",
  "/x,",
  "/dynamic-1,",
  "/dynamic-2,",
  "/refuses,",
  "/__proto__,",
  "/constructor,",
  "/,",
  "/dynamic-3?a=b,",
  "x",
];
const IDS = ["", "", "", "0", "1", "12", "1e30", "Infinity", "-1", "99999999999999999999", "1 2", "0x10"];

const nest = (random: Random, depth: number): string => {
  const [open, close] = random.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"_placeholder":true,"num":', "}]"],
  ] as const);
  return open.repeat(depth) + "1" + close.repeat(depth);
};

const VALUES: readonly ((random: Random) => string)[] = [
  () => "1",
  () => "null",
  () => '"text"',
  () => '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  () => '{"_placeholder":true,"num":0}',
  (random) =>
    `{"_placeholder":true,"num":${random.pick(["-1", "1", "5", '"0"', "1.5", "null", '"length"', '"__proto__"'])}}`,
  (random) => nest(random, 1 + random.below(200)),
  (random) => nest(random, 20_000),
  (random) => `"${"y".repeat(random.below(5000))}"`,
  () => "1e999",
  () => '"\\ud800"',
  () => "{",
  () => "",
];

/** JSON, or something like it: the arguments of an event. */
function json(random: Random): string {
  const isWide = random.below(20) === 0;
  const values = Array.from({ length: isWide ? 12_000 : random.below(4) }, () =>
    isWide ? "[]" : random.pick(VALUES)(random),
  );
  const event =
    random.below(10) === 0 ? random.pick(["1", "null", "{}", "[]", "true"]) : JSON.stringify(random.pick(EVENTS));
  return `[${[event, ...values].join(",")}]`;
}

/** A packet of Socket.IO. */
function socketPacket(random: Random): string {
  const type = random.pick(["0", "1", "2", "2", "2", "3", "4", "5", "5", "6", "7", ""]);
  const attachments =
    type === "5" || type === "6" ? random.pick(["0-", "1-", "2-", "10-", "11-", "99999999999-", "-", ""]) : "";
  const data = random.pick([json, json, json, () => "", () => '{"token":1}', () => '{"pid":"a","offset":"b"}'])(random);
  return type + attachments + random.pick(NAMESPACES) + random.pick(IDS) + data;
}

/** A packet of Engine.IO on the wire. */
export function enginePacket(random: Random): string {
  return random.pick([
    () => `4${socketPacket(random)}`,
    () => `4${socketPacket(random)}`,
    () => `4${socketPacket(random)}`,
    () =>
      random.pick([
        "40",
        "40",
        "41",
        "2",
        "3",
        "5",
        "6",
        "1",
        "0{}",
        "2probe",
        "3probe",
        "9",
        "",
        "4",
        "b",
        "bAAAA",
        "b!!!",
      ]),
    () => `b${Buffer.from(random.bytes(random.below(40))).toString("base64")}`,
    () => random.bytes(random.below(30)).toString("latin1"),
  ])();
}

/** Characters are dropped, doubled, changed. */
function damage(random: Random, text: string): string {
  let result = text;
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(result.length + 1);
    const insert = random.pick(["", "\u001e", "\0", "0", "9", '"', "[", "\ud800", "é", result.slice(0, 20)]);
    result = result.slice(0, at) + insert + result.slice(at + random.below(3));
  }
  return result;
}

/** The body of a POST. */
export function payload(random: Random, revision: 3 | 4): string | Buffer {
  const many = random.below(15) === 0;
  const count = many ? 3000 : 1 + random.below(4);
  const packets = many
    ? Array.from(
        { length: count },
        (
          (packet) => () =>
            packet
        )(random.pick(["3", "6", "40", '42["x"]', "40/dynamic-9,", "2"])),
      )
    : Array.from({ length: count }, () => enginePacket(random));
  if (revision === 4) return damage(random, packets.join("\u001e"));
  const lengths = packets.map(
    (packet) => `${packet.length + (random.below(20) === 0 ? random.below(100) - 50 : 0)}:${packet}`,
  );
  const text = damage(random, lengths.join(""));
  return random.below(4) === 0
    ? Buffer.concat([Buffer.from([random.below(3), random.below(10), 255]), Buffer.from(text)])
    : text;
}

/** One to three frames, mostly whole messages. */
export function frames(random: Random): Buffer {
  const message = random.below(8) === 0 ? random.bytes(random.below(300)) : enginePacket(random);
  const opcode = typeof message === "string" ? OPCODE.text : OPCODE.binary;
  const specs: FrameSpec[] = random.pick([
    () => [{ opcode, payload: message }],
    () => [{ opcode, payload: message }],
    () => [
      { opcode, payload: message.slice(0, 3), fin: false },
      { opcode: OPCODE.ping, payload: "between" },
      { opcode: OPCODE.continuation, payload: message.slice(3) },
    ],
    () => [{ opcode: random.below(16), payload: message, reserved: random.below(8), masked: random.below(5) > 0 }],
    () => [{ opcode, payload: message, claim: random.pick([0, 1, 126, 65_536, 2n ** 40n, 2n ** 63n]) }],
    () => [{ opcode: OPCODE.close, payload: random.bytes(random.below(4)) }],
    () => Array.from({ length: 300 }, () => ({ opcode: OPCODE.ping, payload: "flood" })),
  ])();
  const bytes = Buffer.concat(specs.map(frame));
  return random.below(6) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

/** A target, right or wrong. */
function target(random: Random, sid: string): string {
  const query = [
    `EIO=${random.pick(["4", "4", "4", "3", "5", "", "__proto__"])}`,
    `transport=${random.pick(["polling", "polling", "websocket", "webtransport", "__proto__", ""])}`,
    ...random.pick([[], [`sid=${sid}`], [`sid=${sid}`], ["sid=__proto__"], [`sid=${sid}`, "sid=x"], ["sid="]]),
    ...random.pick([[], [], ["j=0"], ["j=__proto__"], ["j=1);alert(1"], ["b64=1"], ["t=x"], ["%zz=%"]]),
  ];
  const path = random.pick([
    "/socket.io/",
    "/socket.io/",
    "/socket.io/",
    "/socket.io",
    "//",
    "/socket.io/../",
    "*",
    "/%00",
  ]);
  return damage(random, `${path}?${query.join("&")}`).replaceAll(/[^!-~]/g, "%20");
}

const HEADERS = [
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Connection: Upgrade\r\nUpgrade: h2c",
  "Connection: close",
  "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x",
  "Origin: http://a.example",
  "Origin: \u00ff\u0001",
  "Expect: 100-continue",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
  `Sec-WebSocket-Extensions: ${"a;".repeat(500)}`,
  `Cookie: ${"io=x; ".repeat(200)}`,
  "Content-Type: application/octet-stream",
  "Accept-Encoding: gzip;q=0, *;q=-1, \t,,,",
  "X-Forwarded-For: __proto__",
];

/** The bytes of a request, right or wrong, whole or cut. */
export function request(random: Random, sid: string): string {
  const method = random.pick(["GET", "GET", "POST", "POST", "OPTIONS", "HEAD", "DELETE", "G\0T"]);
  const lines = [`${method} ${target(random, sid)} HTTP/1.${random.pick(["1", "1", "1", "0", "9"])}`, "Host: a"];
  for (let count = random.below(4); count > 0; count--) lines.push(random.pick(HEADERS));
  const body = String(payload(random, 4)).slice(0, 5000);
  const size = Buffer.byteLength(body);
  if (method === "POST") {
    lines.push(
      ...random.pick([
        [`Content-Length: ${size}`],
        [`Content-Length: ${size + random.below(50)}`],
        [`Content-Length: ${random.pick(["-1", "1e3", "99999999999999999999", "0", ""])}`],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 3"],
      ]),
    );
  }
  const isChunked = lines.includes("Transfer-Encoding: chunked") && random.below(3) > 0;
  const content = isChunked ? `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  const whole = `${lines.join("\r\n")}\r\n\r\n${method === "POST" ? content : ""}`;
  return random.below(5) === 0 ? whole.slice(0, random.below(whole.length)) : whole;
}
