/*
 * How two nodes prove to each other that they belong together.
 *
 *   dialler                                      listener
 *   GET /         version, tag, life     ->
 *                                        <-      401, version, tag, life, nonce
 *   GET / upgrade version, tag, life,    ->
 *                 nonce, proof
 *                                        <-      101, proof; or 401; or 409: the other attempt counts
 *
 * Both requests use one connection, whose nonce is valid for one proof. A proof is an HMAC-SHA256 over the role, the
 * version, both nonces, both tags and both lives, so that a proof is valid for one side of one connection.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isLife, isTag } from "../core/tag.ts";

/** The version of the frames and of this handshake. Raise it when either changes. */
const LINK_VERSION = 1;

/** A node, for one start of its process. */
export interface Identity {
  readonly tag: string;
  readonly life: string;
}

/** What a proof is about. */
export interface ProofTerms {
  readonly dialler: Identity;
  readonly listener: Identity;
  readonly diallerNonce: string;
  readonly listenerNonce: string;
}

/** The keys of a node. The first one signs, all verify. Empty: the secret can't be read now. */
export type LinkKeys = () => readonly Buffer[];

const NONCE = /^[\w-]{22}$/;

export function makeNonce(): string {
  return randomBytes(16).toString("base64url");
}

export function isNonce(given: unknown): given is string {
  return typeof given === "string" && NONCE.test(given);
}

/** The header lines that name a node. */
export function identityHeaders({ tag, life }: Identity): Record<string, string> {
  return { "portage-version": String(LINK_VERSION), "portage-tag": tag, "portage-life": life };
}

/** Returns the node that the headers name. Undefined: they are malformed. */
export function identityOf(headers: IncomingHttpHeaders): Identity | undefined {
  const { "portage-tag": tag, "portage-life": life } = headers;
  return isTag(tag) && isLife(life) ? { tag, life } : undefined;
}

export function isSameVersion(headers: IncomingHttpHeaders): boolean {
  return headers["portage-version"] === String(LINK_VERSION);
}

/** Returns the proof of one side. */
export function makeProof(key: Buffer, side: "dialler" | "listener", terms: ProofTerms): string {
  const { dialler, listener, diallerNonce, listenerNonce } = terms;
  const parts = ["portage link", LINK_VERSION, side, diallerNonce, listenerNonce];
  const text = [...parts, dialler.tag, dialler.life, listener.tag, listener.life].join("\n");
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** Returns the key that the proof was made with. Undefined: none of them. */
export function verifyProof(
  keys: readonly Buffer[],
  side: "dialler" | "listener",
  terms: ProofTerms,
  proof: unknown,
): Buffer | undefined {
  if (typeof proof !== "string") return undefined;
  const given = Buffer.from(proof, "base64url");
  return keys.find((key) => {
    const made = Buffer.from(makeProof(key, side, terms), "base64url");
    return made.length === given.length && timingSafeEqual(made, given);
  });
}
