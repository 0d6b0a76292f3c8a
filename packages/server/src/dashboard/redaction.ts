/*
 * What a viewer may see of a payload.
 * Knows: parsed values, keys and texts that hold secrets, the levels of the option `payloads`.
 * Must not know: packets, sessions, or where a payload comes from.
 */
import type { Payloads } from "./wire.ts";

/** Stands for a secret. */
export const HIDDEN = "(hidden)";

/** Bytes of a binary payload that are shown. */
const MOST_SHOWN_BYTES = 64;
const MOST_DEPTH = 6;
const MOST_FIELDS = 32;
const MOST_KEY = 64;
/** Longer texts are not searched for secrets, and not shown. */
const MOST_SEARCHED = 4096;

/** Names of things that are secret. */
const SECRET_NAME =
  /pass|pwd|secret|token|auth(?!ors?(?![a-z]))|cookie|session|jwt|api.?key|access.?key|private.?key|credential|bearer|signature|card|cvv|cvc|ssn|iban|\bpid\b|\bpin\b|pin.?code|\botp|mfa|\bsid\b/i;

/**
 * Texts that are secret by their form, wherever they are. A text of repetitions must not repeat the search: each part has a
 * bound.
 */
const SECRET_FORMS: readonly RegExp[] = [
  // JWT and PASETO
  /eyJ[\w-]{5,}|v[1-4]\.(?:local|public)\.[\w-]+/,
  // headers
  /\b(?:bearer|basic|digest|negotiate|token|apikey)\s+[\w+/=.~:-]{4,}/i,
  // a name, then a value: queries, cookies, JSON in a text, headers
  new RegExp(`(?:${SECRET_NAME.source})[\\w.-]{0,64}["'\\\\]{0,8}\\s{0,8}(?:[=:]|%3[AD]|=>)`, "i"),
  // a user and a password in a URL
  /\b[a-z][\w+.-]{0,24}:\/\/[^\s/@]{1,256}@/i,
  // keys of well-known services
  /\b(?:sk|pk|rk|whsec|shpat|npm|glpat|hf|dop_v1|xox[a-z]|gh[a-z]|github_pat)[-_][\w-]{8,}/i,
  /\b(?:AKIA|ASIA|AGPA|AROA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bya29\.[\w-]+|\bSG\.[\w-]{8,}\.[\w-]+/,
  /-----BEGIN [A-Z ]+-----/,
  // hashes of passwords
  /\$(?:2[abxy]|argon2\w*|scrypt|pbkdf2[\w-]*|[156])\$\S+/,
  // keys without a name
  /\b(?:0x)?[0-9a-f]{32,}\b|[\w+-]{40,}/i,
  // social security numbers, IBAN
  /\b\d{3}-\d{2}-\d{4}\b/,
  /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b/,
];

const DIGITS = /\d(?:[ -]?\d){12,18}/g;

/** Whether digits are the number of a payment card: their last one is a check digit (ISO/IEC 7812-1). */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, "");
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits.at(-1 - at));
    const doubled = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += at % 2 === 0 ? digit : doubled;
  }
  return sum % 10 === 0;
}

/** Whether a name belongs to a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

function isSecretText(text: string): boolean {
  if (text.length > MOST_SEARCHED) return true;
  return SECRET_FORMS.some((form) => form.test(text)) || (text.match(DIGITS) ?? []).some(isCard);
}

/** Whether a value stands for an attachment, which is a packet of its own. */
function isPlaceholder(value: unknown): value is { readonly num: number } {
  if (typeof value !== "object" || value === null) return false;
  const { _placeholder: mark, num } = value as { readonly _placeholder?: unknown; readonly num?: unknown };
  return mark === true && Number.isSafeInteger(num);
}

/** Fields whose text is the name of what their sibling `value` holds. */
const NAME_FIELDS = ["name", "key", "header", "field", "type", "id"];

/** The keys of attachments by their number, of those alone that may be shown. */
export type AttachmentKeys = Map<number, string>;

/** Where a value is in its payload. */
interface PayloadPlace {
  readonly depth: number;
  readonly keys: AttachmentKeys;
}

const inside = ({ depth, keys }: PayloadPlace): PayloadPlace => ({ depth: depth + 1, keys });

/** What the redaction of a server depends on. */
export interface RedactionRules {
  readonly level: Payloads;
  /** The option `redact`. */
  readonly redact?: ((value: unknown, key: string) => unknown) | undefined;
  /** Whether a text is the id of an open session, which is as good as a password to it. */
  isSessionId(text: string): boolean;
}

/** Describes payloads as far as a viewer may see them. */
export class Redaction {
  readonly #rules: RedactionRules;

  constructor(rules: RedactionRules) {
    this.#rules = rules;
  }

  /** Returns a name that is shown at each level, such as the name of an event. */
  name(name: string, most: number = MOST_KEY): string {
    return isSecretText(name) || this.#hasSessionId(name) ? HIDDEN : name.slice(0, most);
  }

  /**
   * Describes the arguments of an event. An event named after a secret has secret arguments.
   *
   * @param keys takes the keys of attachments
   */
  args(event: string, args: readonly unknown[], keys: AttachmentKeys = new Map()): string {
    if (this.#rules.level === "none") return "";
    if (isSecretName(event) && args.length > 0) return HIDDEN;
    return this.#list(args, { depth: 0, keys }).slice(1, -1);
  }

  /** Describes one value. */
  value(value: unknown, keys: AttachmentKeys = new Map()): string {
    return this.#rules.level === "none" ? "" : this.#describe(value, "", { depth: 0, keys });
  }

  /** Describes a value by its type alone, or hides it: it may belong to a secret. */
  unknown(value: unknown): string {
    return this.#rules.level === "values" ? HIDDEN : this.value(value);
  }

  /** Describes an attachment. Without a key, it may belong to a secret. */
  attachment(bytes: Buffer, key: string | undefined): string {
    if (key !== undefined)
      return this.#rules.level === "none" ? "" : this.#describe(bytes, key, { depth: 0, keys: new Map() });
    return this.#rules.level === "values" ? `binary(${bytes.length}) ${HIDDEN}` : this.#bytes(bytes);
  }

  /** Describes bytes: their number, or the first of them. */
  #bytes(bytes: Buffer): string {
    const { level } = this.#rules;
    if (level === "none") return "";
    if (level === "shape") return `binary(${bytes.length})`;
    const start = bytes.subarray(0, MOST_SHOWN_BYTES);
    const text = start.toString("latin1");
    const isShown = !isSecretText(text) && !isSecretName(text) && !this.#hasSessionId(text);
    return `binary(${bytes.length}) ${isShown ? start.toString("hex") : HIDDEN}`;
  }

  #hasSessionId(text: string): boolean {
    return (text.match(/[\w-]{20,}/g) ?? []).some((word) => this.#rules.isSessionId(word));
  }

  #describe(value: unknown, key: string, place: PayloadPlace): string {
    if (isSecretName(key)) return HIDDEN;
    if (isPlaceholder(value)) {
      place.keys.set(value.num, key);
      return "binary";
    }
    const { redact } = this.#rules;
    let shown = value;
    try {
      if (redact !== undefined) shown = redact(value, key);
    } catch {
      return HIDDEN;
    }
    if (Array.isArray(shown)) return this.#list(shown, place);
    if (Buffer.isBuffer(shown)) return this.#bytes(shown);
    if (typeof shown === "object" && shown !== null) return this.#record(shown, place);
    return this.#scalar(shown);
  }

  #scalar(value: unknown): string {
    const text = String(value);
    if (value === null || value === undefined) return text;
    if (this.#rules.level === "shape") return typeof value === "string" ? `string(${value.length})` : typeof value;
    if (isSecretText(text) || this.#hasSessionId(text)) return HIDDEN;
    return typeof value === "string" ? JSON.stringify(value) : text;
  }

  /** An element that names a secret hides those after it: `["authorization", "Bearer ..."]`. */
  #list(list: readonly unknown[], place: PayloadPlace): string {
    if (place.depth >= MOST_DEPTH) return `[${list.length}]`;
    const parts: string[] = [];
    let name = "";
    for (const value of list.slice(0, MOST_FIELDS)) {
      parts.push(this.#describe(value, name, inside(place)));
      if (typeof value === "string" && value.length <= MOST_KEY && isSecretName(value)) name = value;
    }
    if (list.length > MOST_FIELDS) parts.push(`… ${list.length - MOST_FIELDS} more`);
    return `[${parts.join(", ")}]`;
  }

  #record(record: object, place: PayloadPlace): string {
    const entries = Object.entries(record);
    if (place.depth >= MOST_DEPTH) return `{${entries.length}}`;
    const namesSecret = entries.some(
      ([key, value]) => NAME_FIELDS.includes(key.toLowerCase()) && typeof value === "string" && isSecretName(value),
    );
    const parts = entries.slice(0, MOST_FIELDS).map(([key, value]) => {
      const isNamed = namesSecret && !NAME_FIELDS.includes(key.toLowerCase());
      return `${this.#key(key)}: ${isNamed ? HIDDEN : this.#describe(value, key, inside(place))}`;
    });
    if (entries.length > MOST_FIELDS) parts.push(`… ${entries.length - MOST_FIELDS} more`);
    return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
  }

  #key(key: string): string {
    const name = this.name(key);
    return name === HIDDEN || /^[\w$]+$/.test(name) ? name : JSON.stringify(name);
  }
}
