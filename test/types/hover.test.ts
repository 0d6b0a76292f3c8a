import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-5.9";
import { expect, test } from "vitest";
import { FLAGS } from "../../packages/server/src/socketio/broadcast/flags.ts";

// Hover texts of the built package in an editor.
const file = join(fileURLToPath(new URL(".", import.meta.url)), "hovered.ts");

/** The documentation and the type that an editor shows at each `/*here*\/`. */
function hover(text: string): string[] {
  const read = (name: string): string | undefined => (name === file ? text : ts.sys.readFile(name));
  const service = ts.createLanguageService({
    readDirectory: (...args) => ts.sys.readDirectory(...args),
    directoryExists: (name) => ts.sys.directoryExists(name),
    getDirectories: (name) => ts.sys.getDirectories(name),
    realpath: (path) => ts.sys.realpath?.(path) ?? path,
    readFile: read,
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name) => {
      const content = read(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => fileURLToPath(new URL(".", import.meta.url)),
    getCompilationSettings: () => ({ module: ts.ModuleKind.NodeNext, strict: true, types: ["node"] }),
    getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  });
  return [...text.matchAll(/\/\*here\*\//g)].map(({ index }) => {
    const info = service.getQuickInfoAtPosition(file, index + "/*here*/".length);
    return `${ts.displayPartsToString(info?.documentation)} ${ts.displayPartsToString(info?.displayParts)}`;
  });
}

test("each flag is documented wherever it can be set, and returns the type that emits the next event", () => {
  const names = Object.entries(FLAGS).filter(([, { memberOf }]) => memberOf !== "none");
  const lines = names.flatMap(([name, { memberOf }]) => {
    const targets = ["io", 'io.of("/chat")', 'io.to("room")', ...(memberOf === "broadcasts" ? [] : ["socket"])];
    return targets.map((target) => `${target}./*here*/${name};`);
  });
  const shown = hover(`
    import { Server, type Socket } from "@portage/server";
    declare const socket: Socket<{}, { event: (done: (answer: string) => void) => void }>;
    const io = new Server<{}, { event: (done: (answer: string) => void) => void }>();
    ${lines.join("\n")}
  `);
  expect(shown).toHaveLength(lines.length);
  for (const [index, text] of shown.entries()) {
    expect(text, lines[index]).toMatch(/^(Sets|Allows|Replaces|Limits|Gives|Addresses) /);
    expect(text, lines[index]).toMatch(
      lines[index]!.startsWith("socket") ? /: Socket</ : /: (BroadcastOperator|Operator)</,
    );
  }
});

test("the options of `traced` are documented where they are written, and `io` has the usual type", () => {
  const [traceparent, onEvent, io] = hover(`
    import { Manager } from "@portage/client";
    import { traced } from "@portage/client/trace";
    const io = traced(Manager, { /*here*/traceparent: () => "", /*here*/onEvent: (received, run) => run() });
    /*here*/io("http://localhost");
  `);
  expect(traceparent).toMatch(/^Returns the W3C `traceparent` of an event\..*\(sent: SentTrace\) => string/s);
  expect(onEvent).toMatch(/^Called for each event that has come with a context\..*\(received: ReceivedTrace, run/s);
  expect(io).toMatch(/const io: Lookup.*=> Socket/s);
});
