/** One value in two forms: as chunks to sign, and as plain data to send. */
export interface Canonical {
  /** Text and bytes: equal for equal values after any supported encoding, different for different values. */
  readonly chunks: readonly (string | Buffer)[];
  /** The value as JSON would carry it, but with bytes. */
  readonly plain: unknown;
}

/**
 * Converts a value to a form that JSON, MessagePack and structured clones preserve. As in JSON, undefined is left out (null
 * in arrays), NaN and Infinity are null, and dates are strings. Bytes of any type are Buffers. The order of keys does not
 * change the chunks.
 *
 * @throws TypeError for a BigInt, as JSON does; RangeError for a value that is nested too deeply
 */
export function canonical(value: unknown): Canonical {
  const writer = new Writer();
  const plain = writer.write(unwrap(value));
  return { chunks: writer.end(), plain };
}

type Field = [key: string, value: unknown];

/** Writes each value with a letter for its type and, where its end is ambiguous, its length: two values never collide. */
class Writer {
  readonly #chunks: (string | Buffer)[] = [];
  #text = "";

  end(): readonly (string | Buffer)[] {
    return [...this.#chunks, this.#text];
  }

  /** @returns the plain value */
  write(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return this.#say(`s${value.length}:${value}`, value);
      case "boolean":
        return this.#say(value ? "t" : "f", value);
      case "number":
        // JSON has no negative zero.
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
    const bytes = bufferFrom(value);
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
      if (!isOmitted(inner)) fields.push([key, inner]);
    }
    this.#text += `o${fields.length}:`;
    // Sorted in the chunks; the plain value keeps its order.
    for (const field of [...fields].sort(byKey)) {
      this.#text += `${field[0].length}:${field[0]}`;
      field[1] = this.write(field[1]);
    }
    // A key may be called __proto__.
    return Object.fromEntries(fields);
  }
}

const byKey = ([one]: Field, [other]: Field): number => (one < other ? -1 : 1);

const isOmitted = (value: unknown): boolean =>
  value === undefined || typeof value === "function" || typeof value === "symbol";

function bufferFrom(value: object): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

/** Applies `toJSON()`, except to bytes: a Buffer's would return an array of numbers. */
function unwrap(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" && bufferFrom(value) === undefined
    ? (Reflect.apply(toJSON, value, [""]) as unknown)
    : value;
}
