import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Directory } from "../../../packages/cluster/src/links/directory.ts";
import { nextEvent } from "../../support/waiting.ts";

let base: string;
let path: string;

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), "pd-"));
  path = join(base, "nodes");
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

function opened(): Directory {
  const directory = new Directory(path);
  directory.open();
  return directory;
}

describe("the directory of a cluster", () => {
  test("only its owner may enter it", () => {
    opened();
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
  });

  test.each([
    ["open to a group", () => fs.mkdirSync(path, { mode: 0o700 }), () => fs.chmodSync(path, 0o750)],
    ["open to all", () => fs.mkdirSync(path), () => fs.chmodSync(path, 0o777)],
    ["a link to another directory", () => fs.mkdirSync(join(base, "x")), () => fs.symlinkSync(join(base, "x"), path)],
  ])("a directory that is %s is refused", (_what, make, spoil) => {
    make();
    spoil();
    expect(() => opened()).toThrow(expect.objectContaining({ code: "CLUSTER_DIRECTORY_UNSAFE" }));
  });

  test.runIf(process.getuid?.() === 0)("a directory of another user is refused", () => {
    fs.mkdirSync(path, { mode: 0o700 });
    fs.chownSync(path, 12_345, 12_345);
    expect(() => opened()).toThrow(/belongs to another user/);
  });

  test("a file in its place is refused", () => {
    fs.writeFileSync(path, "");
    expect(() => opened()).toThrow(/is not a directory/);
  });

  test("a path that can't be created is named, with the system's code", () => {
    const directory = new Directory("/proc/nodes");
    const expected = { code: "CLUSTER_DIRECTORY_FAILED", message: expect.stringMatching(/^\/proc\/nodes .*: E/) };
    expect(() => directory.open()).toThrow(expect.objectContaining(expected));
  });

  test.skipIf(process.platform === "darwin")("a path may have as many bytes as the system takes", () => {
    const longest = join(base, "x".repeat(107 - base.length - 1 - "/abcd.sock".length));
    new Directory(longest).open();
    expect(Buffer.byteLength(new Directory(longest).addressOf("abcd"))).toBe(107);
    const expected = { code: "CLUSTER_PATH_TOO_LONG", message: expect.stringContaining("`directory`") };
    expect(() => new Directory(`${longest}x`).open()).toThrow(expect.objectContaining(expected));
    expect(() => new Directory(`${longest.slice(0, -1)}ä`).open()).toThrow(expect.objectContaining(expected));
  });

  test("a tag is claimed once", () => {
    const directory = opened();
    expect(directory.publish("abcd")).toBe(true);
    expect(directory.publish("abcd")).toBe(false);
    expect(directory.list()).toEqual(["abcd"]);
    directory.remove("abcd");
    expect(directory.publish("abcd")).toBe(true);
  });

  test("files that are not markers are not nodes", () => {
    const directory = opened();
    directory.secret();
    for (const name of ["abc", "abcde", "abcd.sock", "a b!", "-_-_"]) fs.writeFileSync(join(path, name), "");
    expect(directory.list()).toEqual(["-_-_"]);
  });

  test("a socket without a marker is removed once it is old", async () => {
    const directory = opened();
    const socket = join(path, "abcd.sock");
    const file = join(path, "file.sock");
    const server = createServer().listen(socket);
    await nextEvent(server, "listening");
    fs.writeFileSync(file, "");
    directory.list();
    expect(fs.existsSync(socket)).toBe(true);
    const old = new Date(Date.now() - 120_000);
    for (const each of [socket, file]) fs.utimesSync(each, old, old);
    directory.list();
    expect([socket, file].map((each) => fs.existsSync(each))).toEqual([false, true]);
    server.close();
  });

  test("files of others are not nodes, so that they are not removed", () => {
    const directory = opened();
    fs.writeFileSync(join(path, "Make"), "all:\n");
    fs.writeFileSync(join(path, "data"), "1\n".repeat(20));
    fs.mkdirSync(join(path, "libs"));
    fs.symlinkSync("/etc/hostname", join(path, "link"));
    fs.writeFileSync(join(path, "abcd"), "123\n");
    expect(directory.list()).toEqual(["abcd"]);
  });

  test.each([
    ["open to others", () => fs.chmodSync(path, 0o777)],
    [
      "replaced by a link",
      () => {
        fs.renameSync(path, join(base, "x"));
        fs.symlinkSync(join(base, "x"), path);
      },
    ],
    ["gone", () => fs.rmSync(path, { recursive: true })],
  ])("a directory that is %s later is not used", (_what, spoil) => {
    const directory = opened();
    directory.publish("abcd");
    directory.secret();
    fs.writeFileSync(directory.addressOf("abcd"), "");
    spoil();
    expect(directory.list()).toEqual([]);
    expect(directory.refresh("abcd")).toBe(false);
    expect(() => directory.secret()).toThrow(/open to other users|not a directory|ENOENT/);
  });

  test("all nodes read one secret; a file of another length is an error", () => {
    const secret = opened().secret();
    expect(secret.length).toBe(32);
    expect(new Directory(path).secret()).toEqual(secret);
    expect(fs.statSync(join(path, "secret")).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path)).toEqual(["secret"]);
    fs.writeFileSync(join(path, "secret"), "short");
    expect(() => opened().secret()).toThrow(expect.objectContaining({ code: "CLUSTER_DIRECTORY_FAILED" }));
  });

  test("the last node removes it, others leave it", () => {
    const directory = opened();
    directory.secret();
    directory.publish("abcd");
    directory.publish("efgh");
    directory.remove("abcd");
    directory.release();
    expect(directory.list()).toEqual(["efgh"]);
    directory.remove("efgh");
    directory.release();
    expect(fs.existsSync(path)).toBe(false);
    // Once more, as after a crash of another node.
    directory.remove("efgh");
    directory.release();
  });

  test("a node keeps its files young, and restores its marker", () => {
    const directory = opened();
    directory.publish("abcd");
    fs.writeFileSync(join(path, "abcd.sock"), "");
    const old = new Date(1e12);
    fs.utimesSync(join(path, "abcd.sock"), old, old);
    fs.unlinkSync(join(path, "abcd"));
    expect(directory.refresh("abcd")).toBe(true);
    expect(directory.list()).toEqual(["abcd"]);
    expect(fs.statSync(join(path, "abcd.sock")).mtimeMs).toBeGreaterThan(1e12);
    fs.unlinkSync(join(path, "abcd.sock"));
    expect(directory.refresh("abcd")).toBe(false);
  });
});
