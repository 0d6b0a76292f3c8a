/** Limits for all data of a page: lengths in characters, sizes in bytes. The pages receive this table. */
export const LIMITS = {
  name: 24,
  room: 24,
  text: 1000,
  key: 64,
  pictureBytes: 1024 * 1024,
  roomsPerPage: 8,
};

/** A refused request of a page. The page shows the message to its user. */
export class Refusal extends Error {
  code = "ERR_REFUSED";
}

/** Returns the value. @throws Refusal unless it is an object with fields */
export function readRecord(value) {
  if (typeof value === "object" && value !== null && !Buffer.isBuffer(value)) return value;
  throw new Refusal("That request has no content.");
}

/** Returns trimmed text on one line, without control characters. */
export function readText(value, what, limit) {
  if (typeof value !== "string") throw new Refusal(`The ${what} must be text.`);
  // Measured before the cleanup, which would be expensive for a megabyte.
  if (value.length > limit) throw new Refusal(`The ${what} is too long: ${limit} characters at most.`);
  const text = value.replace(/\p{Cc}+/gu, " ").trim();
  if (text === "") throw new Refusal(`The ${what} is empty.`);
  return text;
}

export const readName = (value) => readText(value, "name", LIMITS.name);

export function readRoomName(value) {
  const name = readText(value, "name of the room", LIMITS.room).toLowerCase();
  if (/^[\p{L}\p{N}][\p{L}\p{N} _-]*$/u.test(name)) return name;
  throw new Refusal("The name of a room is made of letters, digits, spaces, - and _.");
}

/** First bytes of picture formats that every browser shows. SVG is excluded, as it can contain scripts. */
const SIGNATURES = [
  { type: "image/png", start: Buffer.from("89504e470d0a1a0a", "hex") },
  { type: "image/jpeg", start: Buffer.from("ffd8ff", "hex") },
  { type: "image/gif", start: Buffer.from("GIF8") },
  { type: "image/webp", start: Buffer.from("RIFF"), second: Buffer.from("WEBP") },
];

/** Returns a picture, or undefined without one. The type comes from the bytes, not from the page. */
export function readPicture(bytes) {
  if (bytes === undefined || bytes === null) return undefined;
  if (!Buffer.isBuffer(bytes)) throw new Refusal("A picture must be sent as bytes.");
  if (bytes.length > LIMITS.pictureBytes) {
    throw new Refusal(`The picture has ${bytes.length} bytes, ${LIMITS.pictureBytes} are allowed.`);
  }
  const match = SIGNATURES.find(
    ({ start, second }) =>
      bytes.subarray(0, start.length).equals(start) && (!second || bytes.subarray(8, 12).equals(second)),
  );
  if (!match) throw new Refusal("Only PNG, JPEG, GIF and WebP pictures can be sent.");
  return { type: match.type, bytes };
}

/**
 * Listens for requests of a page. Acknowledges with the handler's value, or with the reason of its refusal. Never throws,
 * for any data of the page.
 */
export function answer(socket, event, handler) {
  socket.on(event, async (...args) => {
    const reply = typeof args.at(-1) === "function" ? args.pop() : () => {};
    try {
      reply({ ok: true, ...(await handler(args[0])) });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      reply({ ok: false, error: error instanceof Refusal ? error.message : "The server failed." });
    }
  });
}
