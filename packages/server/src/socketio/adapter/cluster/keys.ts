import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { SocketIoError } from "../../report/errors.ts";

/** The minimum length of a secret, in characters. */
const MIN_LENGTH = 16;

/** The version of the signature; a new algorithm needs a new one. */
const VERSION = "v1.";

/** The secrets that the servers of a cluster share. The first one signs, all of them verify. */
export class ClusterKeys {
  readonly #signing: KeyObject;
  readonly #all: readonly KeyObject[];

  /** @throws SocketIoError `CLUSTER_SECRET_INVALID` */
  constructor(secret: unknown) {
    this.#all = (Array.isArray(secret) ? (secret as unknown[]) : [secret]).map(toKey);
    const [first] = this.#all;
    if (first === undefined) throw new SocketIoError("CLUSTER_SECRET_INVALID");
    this.#signing = first;
  }

  /** @param chunks the content to sign, in pieces */
  sign(chunks: readonly (string | Buffer)[]): string {
    return VERSION + macOf(this.#signing, digestOf(chunks)).toString("base64url");
  }

  verify(chunks: readonly (string | Buffer)[], signature: string): boolean {
    if (!signature.startsWith(VERSION)) return false;
    const given = Buffer.from(signature.slice(VERSION.length), "base64url");
    const digest = digestOf(chunks);
    return this.#all.some((key) => {
      const mac = macOf(key, digest);
      return mac.length === given.length && timingSafeEqual(mac, given);
    });
  }
}

function toKey(secret: unknown): KeyObject {
  if (typeof secret !== "string" || secret.length < MIN_LENGTH) throw new SocketIoError("CLUSTER_SECRET_INVALID");
  return createSecretKey(Buffer.from(secret, "utf8"));
}

/** Hashes first, so that a large message is read once for all secrets. */
function digestOf(chunks: readonly (string | Buffer)[]): Buffer {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest();
}

function macOf(key: KeyObject, digest: Buffer): Buffer {
  return createHmac("sha256", key).update(digest).digest();
}
