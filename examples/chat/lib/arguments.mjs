import { parseArgs } from "node:util";

const DEFAULT_PORT = 9999;
const MAX_WORKERS = 64;

const USAGE = `usage: npm start -- [--port N] [--workers N]
  --port N       1 to 65535, ${DEFAULT_PORT} by default; 0 takes any free port
  --workers N    1 to ${MAX_WORKERS} processes that share the port; without it, one process`;

/** The command line is invalid. The message has the reason and the usage. */
export class UsageError extends Error {
  code = "ERR_USAGE";

  constructor(reason) {
    super(`${reason}\n${USAGE}`);
  }
}

function parse(args) {
  try {
    return parseArgs({ args, options: { port: { type: "string" }, workers: { type: "string" } } }).values;
  } catch (error) {
    throw new UsageError(error.message.split(". ")[0]);
  }
}

/** Reads `--port N` and `--workers N`. */
export function readArguments(args) {
  const { port = String(DEFAULT_PORT), workers } = parse(args);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new UsageError(`"${port}" is not a port.`);
  if (workers === undefined) return { port: Number(port), workers };
  if (!/^[1-9]\d?$/.test(workers) || Number(workers) > MAX_WORKERS) {
    throw new UsageError(`"${workers}" is not a number of workers.`);
  }
  return { port: Number(port), workers: Number(workers) };
}
