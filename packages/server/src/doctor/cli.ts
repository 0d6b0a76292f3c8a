#!/usr/bin/env node
import { parseCommand, USAGE } from "./arguments.ts";
import { diagnose, type Diagnosis } from "./diagnose.ts";
import { report } from "./report.ts";

const EXIT_CODES: Readonly<Record<Diagnosis["verdict"], number>> = { fine: 0, limited: 1, unreachable: 2 };

async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  if (command.name === "help") {
    process.stdout.write(USAGE);
    return 0;
  }
  if (command.name === "wrong") return complain(command.message);
  const showsSteps = !command.isJson && process.stderr.isTTY;
  const onStep = (title: string): void => void (showsSteps && process.stderr.write(`${title}...\n`));
  const diagnosis = await diagnose(command.url, { ...command.options, onStep });
  process.stdout.write(`${command.isJson ? JSON.stringify(diagnosis, undefined, 2) : report(diagnosis)}\n`);
  return EXIT_CODES[diagnosis.verdict];
}

function complain(message: string): number {
  process.stderr.write(`portage-doctor: ${message}\n\n${USAGE}`);
  return 2;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => (process.exitCode = complain((error as Error).message)),
);
