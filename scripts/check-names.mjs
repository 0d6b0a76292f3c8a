// One name, one meaning: counts top-level names of packages/*/src that more than one file declares.
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../packages", import.meta.url));
const PACKAGES = ["parser", "websocket", "server", "cluster", "client"];

/** How many names may have several meanings. Lower it when the figure falls. */
const MOST = 20;

/** Why several files declare the same name on purpose. */
const SHARED = {
  "each file has its own debug function": ["log"],
  "socket.io and socket.io-client both export it": [
    "Socket",
    "protocol",
    "DefaultEventsMap",
    "EventsMap",
    "ExtendedError",
  ],
  "socket.io, engine.io and ws each export one": ["Server", "ServerOptions"],
  "engine.io and engine.io-client both export it": ["Transport", "transports"],
  "socket.io-client and engine.io-client both export it": ["SocketOptions"],
  "each client entry exports it: the usual one, and WebSocket alone": ["io", "Manager"],
  "the packages that carry messages export their own of the reference": ["RawData", "BinaryType", "DisconnectReason"],
  "socket.io-parser and engine.io-parser both export it": ["Packet", "PacketType"],
  "socket.io-parser exports it, and the client has a smaller one": ["Decoder", "Encoder"],
  "each side of a connection has its own": ["Session", "EngineError", "Emitter"],
  "engine.io and engine.io-client both take it in their options": ["TransportName"],
  "each package has its own, and exports it": ["UsageError", "UsageErrorCode", "Diagnosis"],
  "the live page and its server have their own words": ["Role", "Tick", "Finding", "Answer"],
  "engine.io-parser has it in revisions 3 and 4": ["encodePacket", "encodePayload", "decodePacket", "decodePayload"],
};
const isShared = new Set(Object.values(SHARED).flat());

const DECLARATION =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|function\*?|const|let|enum) ([\w$]+)/gm;

const sources = (name) =>
  readdirSync(join(root, name, "src"), { recursive: true })
    .map((file) => join(name, "src", file).split(sep).join("/"))
    .filter((file) => file.endsWith(".ts"));

/** `x.node.ts` and `x.browser.ts` stand in for `x.ts`: they declare the same things. */
const withoutPlatform = (file) => file.replace(/\.(?:node|browser)\.ts$/, ".ts");

const filesOf = new Map();
for (const file of PACKAGES.flatMap(sources)) {
  for (const [, name] of readFileSync(join(root, file), "utf8").matchAll(DECLARATION)) {
    if (!filesOf.has(name)) filesOf.set(name, new Set());
    filesOf.get(name).add(withoutPlatform(file));
  }
}

const repeated = [...filesOf].filter(([name, files]) => files.size > 1 && !isShared.has(name));
if (repeated.length > MOST) {
  for (const [name, files] of repeated) console.error(`${name}: ${[...files].join(", ")}`);
}
console.log(`names: ${repeated.length} have more than one meaning, ${MOST} may`);
process.exit(repeated.length > MOST ? 1 : 0);
