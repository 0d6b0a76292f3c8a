/** What can be said to another server, in two forms that say the same. */
export interface Canonical {
  /** Text and bytes, the same whatever the value was carried by, and different for every other value. */
  readonly chunks: readonly (string | Buffer)[];
  /** The value without what gets lost on the way: as JSON would have it, but with bytes. */
  readonly plain: unknown;
}

/**
 * Brings a value into a form that survives JSON, MessagePack and structured clones alike: as in JSON, what is undefined is
 * left out (null in arrays), NaN and Infinity are null, dates are text; bytes of any kind are Buffers. The order of keys
 * does not matter.
 *
 * @throws TypeError for a BigInt, as JSON does; RangeError for what is nested too deeply
 */
export function canonical(value: unknown): Canonical {
  const writer = new Writer();
  const plain = writer.write(unwrap(value));
  return { chunks: writer.end(), plain };
}

type Field = [key: string, value: unknown];

/** Each value begins with a letter and, where its end can't be seen, its length: nothing can pass for something else. */
class Writer {
  readonly #chunks: (string | Buffer)[] = [];
  #text = "";

  end(): readonly (string | Buffer)[] {
    return [...this.#chunks, this.#text];
  }

  /** @returns the value, plain */
  write(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return this.#say(`s${value.length}:${value}`, value);
      case "boolean":
        return this.#say(value ? "t" : "f", value);
      case "number":
        // There is no negative zero in JSON.
        return Number.isFinite(value) ? this.#say(`n${value};`, value + 0) : this.#say("z", null);
      case "bigint":
        throw new TypeError("a BigInt can't be sent to other servers");
      case "object":
        return this.#writeObject(value);
      case "undefined":
      case "function":
      case "symbol":
        break;
    }
    return this.#say("z", null);
  }

  #say<T>(text: string, plain: T): T {
    this.#text += text;
    return plain;
  }

  #writeObject(value: object | null): unknown {
    if (value === null) return this.#say("z", null);
    if (Array.isArray(value)) return this.#writeArray(value);
    const bytes = bytesOf(value);
    return bytes === undefined ? this.#writeRecord(value) : this.#writeBytes(bytes);
  }

  #writeArray(values: readonly unknown[]): unknown[] {
    this.#text += `a${values.length}:`;
    const plain: unknown[] = [];
    for (const value of values) plain.push(this.write(unwrap(value)));
    return plain;
  }

  #writeBytes(bytes: Buffer): Buffer {
    this.#chunks.push(`${this.#text}b${bytes.length}:`, bytes);
    this.#text = "";
    return bytes;
  }

  #writeRecord(record: object): unknown {
    const fields: Field[] = [];
    for (const [key, value] of Object.entries(record)) {
      const inner = unwrap(value);
      if (!isAbsent(inner)) fields.push([key, inner]);
    }
    this.#text += `o${fields.length}:`;
    // The order in which they are written is not that in which they are handed on.
    for (const field of [...fields].sort(byKey)) {
      this.#text += `${field[0].length}:${field[0]}`;
      field[1] = this.write(field[1]);
    }
    // A key may be called __proto__.
    return Object.fromEntries(fields);
  }
}

const byKey = ([one]: Field, [other]: Field): number => (one < other ? -1 : 1);

const isAbsent = (value: unknown): boolean =>
  value === undefined || typeof value === "function" || typeof value === "symbol";

function bytesOf(value: object): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

/** What an object wants to be in JSON. Bytes want to be an array of numbers there: they are asked by nobody. */
function unwrap(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" && bytesOf(value) === undefined
    ? (Reflect.apply(toJSON, value, [""]) as unknown)
    : value;
}
