import { SocketIoError } from "../../report/errors.ts";
import { type Canonical, canonical } from "./canonical.ts";
import type { ClusterKeys } from "./keys.ts";
import { MessageType } from "./messages.ts";

/** A message or a response, as it may look before anybody has looked at it. */
interface Envelope {
  readonly uid?: unknown;
  readonly nsp?: unknown;
  readonly type?: unknown;
  readonly data?: unknown;
}

/** Who is guarded, and with what. */
export interface Guarded {
  readonly keys: ClusterKeys;
  /** The id of this server on the bus. */
  readonly uid: string;
  /** The name of the namespace. */
  readonly nsp: string;
  readonly onRefused: (error: SocketIoError) => void;
}

/** What the signature is for: a secret that serves something else as well must not sign for the bus unawares. */
const PURPOSE = "portage cluster";

/**
 * Stands between an adapter and its bus, where the servers of the cluster share a secret: signs what goes out, and lets in
 * what is signed. Signed are sender, namespace, type and data, of which nothing else is handed on; the signature travels
 * in `data`, because some adapters carry no other fields.
 */
export class BusGuard {
  readonly #guarded: Guarded;
  /** What was let in. An adapter may hand a response on that has come in among the messages. */
  readonly #genuine = new WeakSet();

  constructor(guarded: Guarded) {
    this.#guarded = guarded;
  }

  /** @returns a signed copy */
  seal<Message extends object>(message: Message): Message {
    const { chunks, plain } = signedPart(message, (message as Envelope).data ?? {});
    return { ...message, data: { ...(plain as object), signature: this.#guarded.keys.sign(chunks) } };
  }

  /** @returns undefined for what is of no concern here, or not signed by a server of the cluster */
  open<Message extends object>(message: Message): Message | undefined {
    if (this.#genuine.has(message)) return message;
    const { uid, nsp, type, data } = (message ?? {}) as Envelope;
    // A bus may bring a server its own messages, and those of other namespaces.
    if (uid === this.#guarded.uid || (typeof nsp === "string" && nsp !== this.#guarded.nsp)) return undefined;
    const { signature, ...content } = (data ?? {}) as { signature?: unknown };
    if (typeof signature !== "string") {
      // Some adapters say their first hello while they are made, when they are not guarded yet, and another one later.
      if (type !== MessageType.INITIAL_HEARTBEAT) this.#refuse("it is not signed");
      return undefined;
    }
    const plain = this.#verified({ uid, nsp, type }, content, signature);
    if (plain === undefined) return undefined;
    const genuine: Envelope = { uid, nsp, type, data: plain };
    this.#genuine.add(genuine);
    return genuine as Message;
  }

  /** @returns the data as they were signed; undefined when they were not */
  #verified(envelope: Envelope, content: object, signature: string): unknown {
    try {
      const { chunks, plain } = signedPart(envelope, content);
      if (this.#guarded.keys.verify(chunks, signature)) return plain;
    } catch {
      // Nothing that was signed looks like this.
    }
    this.#refuse("its signature is wrong");
    return undefined;
  }

  #refuse(why: string): void {
    const message = `a message from the bus is ignored: ${why}`;
    this.#guarded.onRefused(new SocketIoError("CLUSTER_SIGNATURE_INVALID", message));
  }
}

/** What is signed of a message, and its data as they are handed on. */
function signedPart({ uid, nsp, type }: Envelope, data: unknown): Canonical {
  const { chunks, plain } = canonical([PURPOSE, uid, nsp, type, data]);
  return { chunks, plain: (plain as unknown[])[4] };
}
