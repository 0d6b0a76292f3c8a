// Which MUSTs and MUST NOTs of RFC 6455 and RFC 7692 the sources of packages/websocket and its tests cite.
//
// A citation is "RFC 6455, 5.5.1" in a comment or the title of a test; several sections are joined by commas or "and".
// Where a section has numbered lists, their items are cited alone: "RFC 6455, 4.1 number 7" for what a client's request
// holds, "4.1 answer 4" for what it checks in the answer. Fails when a row is not cited in both.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Section, and in our words what an endpoint must do or must not do. What only proxies and browsers must is not here. */
const REQUIREMENTS = {
  "RFC 6455": [
    ["3", "the URI of a WebSocket has no fragment"],
    ["4.1", "a connection that cannot be opened, TLS included, fails; nothing is sent before the answer is there"],
    ["4.1 number 2", "the request is a GET of HTTP/1.1 or later"],
    ["4.1 number 3", "the request names the path and the query of the URI"],
    ["4.1 number 4", "the request has a Host header, with the port if it is not the default one"],
    ["4.1 number 5", "the request's Upgrade header has websocket"],
    ["4.1 number 6", "the request's Connection header has Upgrade"],
    ["4.1 number 7", "the request's key is 16 random bytes in base64, new ones for each connection"],
    ["4.1 number 9", "the request's version is 13"],
    ["4.1 number 10", "subprotocols are tokens, each named once"],
    ["4.1 answer 2", "an answer without Upgrade: websocket fails the connection"],
    ["4.1 answer 3", "an answer without Connection: Upgrade fails the connection"],
    ["4.1 answer 4", "an answer whose accept value does not belong to the key fails the connection"],
    ["4.1 answer 5", "an answer with an extension that was not offered fails the connection"],
    ["4.1 answer 6", "an answer with a subprotocol that was not offered fails the connection"],
    ["4.2.1", "a request that is not a correct handshake is answered with an HTTP error, and goes no further"],
    ["4.2.2", "the answer is 101 with Upgrade, Connection and the accept value of the key"],
    ["4.2.2 number 4", "a version that is not spoken is refused, with those that are"],
    ["4.2.2 number 5", "a subprotocol that is agreed on is one of the client's; without one there is no such header"],
    ["5.1", "frames of a client are masked, those of a server are not; others fail the connection"],
    ["5.2", "reserved bits and opcodes fail the connection; lengths are in their shortest form, below 2^63"],
    ["5.3", "masking keys are unpredictable, and new for each frame"],
    ["5.4", "control frames are handled between fragments; fragments of two messages are not mixed"],
    ["5.5", "control frames hold 125 bytes at most and are not fragmented"],
    ["5.5.1", "a close frame is answered with one, its body begins with a code, and nothing is sent behind it"],
    ["5.5.2", "a ping is answered with a pong, unless the connection is being closed"],
    ["5.5.3", "a pong has the data of the ping it answers"],
    ["5.6", "the data of a text message is UTF-8, as a whole"],
    ["6.1", "data is sent while the connection is open only, in frames, masked by clients"],
    ["6.2", "a server takes the mask from the data it receives"],
    ["7.1.7", "nothing of the peer is processed once the connection has failed"],
    ["7.2.1", "a client fails the connection when its transport is lost"],
    ["7.4.1", "the codes 1005, 1006 and 1015 are not sent"],
    ["8.1", "bytes that are not UTF-8 in a text fail the connection"],
    ["9.1", "a header of extensions follows its grammar, and names none that was not asked for"],
    ["10.4", "limits of sizes hold also for messages in many fragments"],
    ["10.7", "what comes in is always checked, on both ends"],
    ["11.3", "key, accept and version, and the server's choices, stand once in a handshake"],
  ],
  "RFC 7692": [
    ["5", "a client fails the connection when the answer is not one to its offer"],
    ["5.1", "a server that can accept no offer goes on without compression"],
    ["6", "RSV1 is not set in control frames and further fragments; peers that do fail the connection"],
    ["6.1", "a message is compressed as a whole, RSV1 marks its first frame"],
    ["6.2", "a message with RSV1 is decompressed before it is delivered"],
    ["7.1", "offers and answers with parameters that are unknown, wrong or repeated are declined"],
    ["7.1.1.1", "a server that agrees to no context takeover does not refer to earlier messages, and says so"],
    ["7.1.1.2", "a client that is asked for no context takeover does not refer to earlier messages"],
    ["7.1.2.1", "a server's window is 8 to 15 bits, as small as the client asks, and confirmed"],
    ["7.1.2.2", "a client's window is limited only where it has said that it can be"],
    ["7.2.1", "a compressed message ends without the four bytes of an empty block"],
    ["7.2.2", "those four bytes are put back before a message is decompressed"],
    ["7.2.3", "empty, stored, final and several blocks are all read"],
  ],
};

const SOURCES = ["packages/websocket/src"];
const TESTS = ["test/unit/websocket", "test/conformance", "test/contract"];
const root = fileURLToPath(new URL("..", import.meta.url));

const SECTION = String.raw`\d+(?:\.\d+)*(?: (?:number|answer) \d+)?`;
const CITATION = new RegExp(String.raw`(?<rfc>RFC (?:6455|7692)), (?<list>${SECTION}(?:(?:, | and )${SECTION})*)`, "g");
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
/** The first words in quotes behind `it(`, `test(` and `describe(`, and those behind the table of an `each`. */
const TITLE = /\b(?:it|test|describe)(?:\.\w+)?\(\s*(?<quote>["'`])(?:(?!\k<quote>).)*|\]\)\(\s*["'`].*/g;

function* files(folder) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".ts")) yield readFileSync(join(entry.parentPath, entry.name), "utf8");
  }
}

/** What the comments and, of tests, the titles in these folders cite: "RFC 6455, 5.1". */
function citations(folders) {
  const found = new Set();
  for (const text of folders.flatMap((folder) => [...files(folder)])) {
    // A comment may break a line inside a citation.
    const parts = [...(text.match(COMMENT) ?? []), ...(text.match(TITLE) ?? [])];
    for (const { groups } of parts
      .join("\n")
      .replace(/\n\s*(?:\*|\/\/) ?/g, " ")
      .matchAll(CITATION)) {
      for (const section of groups.list.split(/, | and /)) found.add(`${groups.rfc}, ${section}`);
    }
  }
  return found;
}

const sources = citations(SOURCES);
const tests = citations(TESTS);
let missing = 0;
let count = 0;
for (const [rfc, rows] of Object.entries(REQUIREMENTS)) {
  for (const [section, requirement] of rows) {
    const row = `${rfc}, ${section}`;
    const without = [...(sources.has(row) ? [] : ["sources"]), ...(tests.has(row) ? [] : ["tests"])];
    count += 1;
    if (without.length === 0) continue;
    missing += 1;
    console.error(`${row} is not cited in ${without.join(" or ")}: ${requirement}`);
  }
}
console.log(`RFC 6455 and 7692: ${count} requirements, ${missing} not cited`);
process.exit(missing > 0 ? 1 : 0);
