import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { BroadcastOperator, Namespace, Server, Socket } from "@portage/server";
import { FLAGS } from "../../../packages/server/src/socketio/broadcast/flags.ts";

const source = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../packages/server/src/${path}`, import.meta.url)), "utf8");

test.each(Object.entries(FLAGS))("the flag %s applies as in its row, and has its methods", (name, flag) => {
  if (flag.obeyedBy !== undefined) expect(source(flag.obeyedBy)).toMatch(new RegExp(`\\b${name}\\b`));
  const has = (...classes: { readonly prototype: object }[]): boolean[] =>
    classes.map(({ prototype }) => name in prototype);
  const ofBroadcasts = flag.memberOf !== "none";
  expect(has(BroadcastOperator, Namespace, Server)).toEqual([ofBroadcasts, ofBroadcasts, ofBroadcasts]);
  // Of a socket, `local` and `broadcast` address many.
  if (name === "local" || name === "broadcast") expect(has(Socket)).toEqual([true]);
  else expect(has(Socket)).toEqual([flag.memberOf === "all"]);
});
