import { parseArgs } from "node:util";
import type { DoctorOptions } from "./context.ts";

export const USAGE = `usage: portage-doctor [options] <url>

Connects to a Socket.IO server step by step, and reports which steps work, which do not, and which option of the server
or of a proxy to change. The path of the URL is the namespace; every request carries its query.

  --path <path>          path of the server (default: /socket.io/)
  --origin <origin>      origin of your pages: checks CORS, and WebSocket with this Origin header
  --header "Name: value" a header for every request; repeatable
  --timeout <seconds>    time limit of each request (default: 10)
  --idle <seconds>       how long to keep a poll and a WebSocket open without traffic (default: 30)
  --quick                skips the idle connections; the rest takes about a second
  --json                 prints the whole diagnosis as JSON
  --help                 prints this text

Exit codes: 0 if everything works, 1 if clients connect with limitations, 2 if they can't connect or the command line is
invalid.
`;

/** A parsed command line. */
export type Command =
  | { readonly name: "help" }
  | { readonly name: "wrong"; readonly message: string }
  | { readonly name: "diagnose"; readonly url: string; readonly isJson: boolean; readonly options: DoctorOptions };

const OPTIONS = {
  path: { type: "string" },
  origin: { type: "string" },
  header: { type: "string", multiple: true },
  timeout: { type: "string" },
  idle: { type: "string" },
  quick: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Parses the arguments after the command's name. */
export function parseCommand(args: readonly string[]): Command {
  try {
    return parse(args);
  } catch (error) {
    return { name: "wrong", message: (error as Error).message };
  }
}

function parse(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help) return { name: "help" };
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new TypeError("Exactly one URL is needed");
  const options: DoctorOptions = {
    ...(values.path !== undefined && { path: values.path }),
    ...(values.origin !== undefined && { origin: values.origin.replace(/\/$/, "") }),
    ...(values.header !== undefined && { headers: Object.fromEntries(values.header.map(splitHeader)) }),
    ...(values.timeout !== undefined && { timeout: milliseconds("--timeout", values.timeout) }),
    ...(values.idle !== undefined && { hold: milliseconds("--idle", values.idle) }),
    ...(values.quick && { hold: 0 }),
  };
  return {
    name: "diagnose",
    url: /^\w+:\/\//.test(url) ? url : `http://${url}`,
    isJson: values.json === true,
    options,
  };
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw new TypeError(`A header has the form "Name: value", not ${JSON.stringify(line)}`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

function milliseconds(name: string, value: string): number {
  const seconds = Number(value);
  if (value === "" || !(seconds >= 0) || seconds > 86_400) throw new TypeError(`${name} takes seconds, not ${value}`);
  return seconds * 1000;
}
