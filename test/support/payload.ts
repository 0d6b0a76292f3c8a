/** Payloads of Engine.IO written out by hand: several packets in one HTTP body. */

const SEPARATOR = "\u001e";

/** Revision 4: packets with U+001E between them; binary packets are `b` and base64. */
export function joinPackets(packets: readonly (string | Buffer)[]): string {
  return packets
    .map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`))
    .join(SEPARATOR);
}

/** The packets of a payload of revision 4; an empty body has none. */
export function splitPackets(text: string): string[] {
  return text === "" ? [] : text.split(SEPARATOR);
}

/** Revision 3, string form: `<length in UTF-16 units>:<packet>`; binary packets are `b4` and base64. */
export function joinPackets3(packets: readonly (string | Buffer)[]): string {
  return packets
    .map((packet) => (typeof packet === "string" ? packet : `b4${packet.toString("base64")}`))
    .map((packet) => `${packet.length}:${packet}`)
    .join("");
}

export function splitPackets3(text: string): string[] {
  const packets: string[] = [];
  for (let at = 0; at < text.length;) {
    const colon = text.indexOf(":", at);
    const length = Number(text.slice(at, colon));
    if (colon === -1 || !Number.isInteger(length))
      throw new Error(`not a payload of revision 3: ${text.slice(at, at + 40)}`);
    packets.push(text.slice(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  return packets;
}

/** Revision 3, binary form: 0 (text) or 1 (binary), the length as one byte per decimal digit, 255, the packet. */
export function joinBinaryPackets3(packets: readonly (string | Buffer)[]): Buffer {
  const parts = packets.map((packet) => {
    const isText = typeof packet === "string";
    const content = isText ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
    const digits = Array.from(String(content.length), Number);
    return Buffer.concat([Buffer.from([isText ? 0 : 1, ...digits, 255]), content]);
  });
  return Buffer.concat(parts);
}

/** Text packets as strings; binary ones as buffers with their leading type byte. */
export function splitBinaryPackets3(body: Buffer): (string | Buffer)[] {
  const packets: (string | Buffer)[] = [];
  for (let at = 0; at < body.length;) {
    const isText = body[at] === 0;
    const end = body.indexOf(255, at);
    const start = end + 1;
    const stop = start + Number(Array.from(body.subarray(at + 1, end)).join(""));
    const content = body.subarray(start, stop);
    packets.push(isText ? content.toString() : Buffer.from(content));
    at = stop;
  }
  return packets;
}

/** `Buffer` to the text form used in traces. */
export function packetText(packet: string | Buffer): string {
  return typeof packet === "string" ? packet : `<binary ${packet.length}: ${packet.subarray(0, 40).toString("hex")}>`;
}
