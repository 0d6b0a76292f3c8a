import { parseArgs } from "node:util";

const DEFAULT_PORT = 9999;

const USAGE = `usage: npm start -- [--port N]     N: 1 to 65535, ${DEFAULT_PORT} by default; 0 takes any free port`;

/** The command line is invalid. The message has the reason and the usage. */
export class UsageError extends Error {
  code = "ERR_USAGE";

  constructor(reason) {
    super(`${reason}\n${USAGE}`);
  }
}

function parse(args) {
  try {
    return parseArgs({ args, options: { port: { type: "string" } } }).values;
  } catch (error) {
    throw new UsageError(error.message.split(". ")[0]);
  }
}

/** Reads `--port N`. */
export function readArguments(args) {
  const { port = String(DEFAULT_PORT) } = parse(args);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new UsageError(`"${port}" is not a port.`);
  return { port: Number(port) };
}
