import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join, sep } from "node:path";
import { ClusterError } from "../core/errors.ts";
import { isTag } from "../core/tag.ts";

/** Longest path of a socket, in bytes. The system stores one more, a zero. */
const MAX_PATH = process.platform === "darwin" ? 103 : 107;
const SUFFIX = ".sock";
const SECRET = "secret";
const SECRET_BYTES = 32;
/** Age at which a socket without a marker is removed, in milliseconds: its process ended between the two. */
const ORPHAN_AGE = 60_000;
/** The content of a marker: the id of a process. Empty until it is written. */
const MARKER = /^(?:\d+\n)?$/;
const MAX_MARKER = 16;

const IS_WINDOWS = process.platform === "win32";

/**
 * The directory where the nodes of one host find each other: a marker `<tag>` and a socket `<tag>.sock` for each, and the
 * secret that all share. Only its owner may enter it.
 *
 * A node listens first and sets its marker then, so that a marker without a listening socket belongs to a process that has
 * ended. The marker is created exclusively, which claims the tag. On Windows the sockets are named pipes outside of it.
 */
export class Directory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Creates and checks the directory. @throws ClusterError */
  open(): void {
    // 5 = "/" and a tag; a tag has the same length in bytes and in characters.
    const length = Buffer.byteLength(this.path) + 5 + SUFFIX.length;
    if (!IS_WINDOWS && length > MAX_PATH) {
      const text = `the sockets' path has ${length} bytes, at most ${MAX_PATH}; see \`directory\``;
      throw new ClusterError("CLUSTER_PATH_TOO_LONG", text);
    }
    try {
      // Not recursive: that never returns below /proc.
      fs.mkdirSync(this.path, { mode: 0o700 });
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw this.failure(error);
    }
    this.#check();
  }

  #check(): void {
    const stats = fs.lstatSync(this.path);
    if (!stats.isDirectory()) throw this.#unsafe("is not a directory");
    if (IS_WINDOWS) return;
    if (stats.uid !== process.getuid?.()) throw this.#unsafe("belongs to another user");
    if ((stats.mode & 0o077) !== 0) throw this.#unsafe("is open to other users; chmod 700 it");
  }

  /** Whether it still is the directory that was opened: with it gone, another user could put one of theirs in its place. */
  #isSafe(): boolean {
    try {
      this.#check();
      return true;
    } catch {
      return false;
    }
  }

  #unsafe(what: string): ClusterError {
    return new ClusterError("CLUSTER_DIRECTORY_UNSAFE", `${this.path} ${what}`);
  }

  /** Returns the error for a failure of the system. */
  failure(cause: unknown): ClusterError {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    return new ClusterError("CLUSTER_DIRECTORY_FAILED", `${this.path} can't be used: ${code}`, { cause });
  }

  /** Returns the path that a node listens on. */
  addressOf(tag: string): string {
    if (!IS_WINDOWS) return join(this.path, tag + SUFFIX);
    return `\\\\.\\pipe\\portage-${this.path.split(sep).join("-").replace(":", "")}-${tag}`;
  }

  /** Sets the marker of a node that listens. Returns false if the tag is taken. @throws ClusterError */
  publish(tag: string): boolean {
    try {
      fs.writeFileSync(join(this.path, tag), `${process.pid}\n`, { flag: "wx", mode: 0o600 });
      return true;
    } catch (error) {
      if (isCode(error, "EEXIST")) return false;
      throw this.failure(error);
    }
  }

  /** Returns the tags of all nodes. Some may have ended without removing their files. */
  list(): string[] {
    if (!this.#isSafe()) return [];
    const names = this.#names();
    const tags = names.filter((name) => isTag(name) && this.#isMarker(name));
    for (const name of names) {
      const tag = name.slice(0, -SUFFIX.length);
      if (name.endsWith(SUFFIX) && isTag(tag) && !tags.includes(tag)) this.#removeOrphan(name);
    }
    return tags;
  }

  /** Whether `publish` makes such files: files of ended nodes are removed, and other files must not be. */
  #isMarker(name: string): boolean {
    const path = join(this.path, name);
    try {
      const stats = fs.lstatSync(path);
      return stats.isFile() && stats.size <= MAX_MARKER && MARKER.test(fs.readFileSync(path, "latin1"));
    } catch {
      return false;
    }
  }

  #names(): string[] {
    try {
      return fs.readdirSync(this.path);
    } catch {
      return [];
    }
  }

  #removeOrphan(name: string): void {
    const stats = fs.lstatSync(join(this.path, name), { throwIfNoEntry: false });
    if (stats?.isSocket() && Date.now() - stats.mtimeMs > ORPHAN_AGE) this.#unlink(name);
  }

  /**
   * Keeps the files of a node young, so that programs that clean up leave them alone, and sets its marker again if it is
   * missing. Returns false if the socket is missing.
   */
  refresh(tag: string): boolean {
    if (!this.#isSafe()) return false;
    const now = new Date();
    try {
      fs.utimesSync(join(this.path, SECRET), now, now);
    } catch {
      // The file is missing if the program has set a secret.
    }
    try {
      if (!IS_WINDOWS) fs.utimesSync(this.addressOf(tag), now, now);
      fs.writeFileSync(join(this.path, tag), `${process.pid}\n`, { mode: 0o600 });
      return true;
    } catch {
      return false;
    }
  }

  /** Removes the files of a node. */
  remove(tag: string): void {
    this.#unlink(tag);
    if (!IS_WINDOWS) this.#unlink(tag + SUFFIX);
  }

  #unlink(name: string): void {
    try {
      fs.unlinkSync(join(this.path, name));
    } catch {
      // Another node may have removed it at the same time.
    }
  }

  /**
   * Returns the shared secret, and creates it if it is missing. Read for each handshake: the last node to leave removes it,
   * perhaps while another one starts.
   *
   * @throws ClusterError
   */
  secret(): Buffer {
    try {
      this.#check();
    } catch (error) {
      throw error instanceof ClusterError ? error : this.failure(error);
    }
    return this.#readSecret() ?? this.#createSecret();
  }

  #readSecret(): Buffer | undefined {
    try {
      const secret = fs.readFileSync(join(this.path, SECRET));
      return secret.length === SECRET_BYTES ? secret : undefined;
    } catch {
      return undefined;
    }
  }

  /** Links a complete file to the name, so that no other node reads a part of it. */
  #createSecret(): Buffer {
    const secret = randomBytes(SECRET_BYTES);
    const draft = `${SECRET}-${randomBytes(6).toString("hex")}`;
    try {
      fs.writeFileSync(join(this.path, draft), secret, { flag: "wx", mode: 0o600 });
      fs.linkSync(join(this.path, draft), join(this.path, SECRET));
      return secret;
    } catch (error) {
      const other = this.#readSecret();
      if (other === undefined) throw this.failure(error);
      return other;
    } finally {
      this.#unlink(draft);
    }
  }

  /** Removes the directory if no node uses it. */
  release(): void {
    if (this.#names().some((name) => name !== SECRET)) return;
    this.#unlink(SECRET);
    try {
      fs.rmdirSync(this.path);
    } catch {
      // Another node has just come.
    }
  }
}

/** Whether an error of the system has the code. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}
