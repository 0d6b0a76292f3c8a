import type { Advised } from "./advice.ts";
import type { Diagnosis } from "./diagnose.ts";
import type { Finding } from "./finding.ts";
import type { Level } from "./codes.ts";

const MARKS: Readonly<Record<Level, string>> = { ok: "ok  ", note: "note", limit: "!   ", fail: "FAIL" };

const VERDICTS: Readonly<Record<Diagnosis["verdict"], string>> = {
  fine: "All is well: clients connect over polling and over WebSocket.",
  limited: "Clients can connect, with limitations.",
  unreachable: "Clients cannot connect.",
};

/** Formats a diagnosis as text: a line for each finding, followed by the changes to make. */
export function report(diagnosis: Diagnosis): string {
  const lines = diagnosis.steps.flatMap(({ findings }) => findings.flatMap(linesOf));
  return [`${diagnosis.url}, path ${diagnosis.path}`, "", ...lines, "", ...conclusion(diagnosis)].join("\n");
}

function linesOf({ level, sentence, code, advice }: Finding): string[] {
  const name = level === "ok" ? "" : ` [${code}]`;
  return [`${MARKS[level]} ${sentence}${name}`, ...advice.map(adviceLine)];
}

const adviceLine = ({ where, what }: Advised): string => `       ${where}: ${what}`;

function conclusion({ verdict, works }: Diagnosis): string[] {
  const lines = [VERDICTS[verdict]];
  if (works.length === 1 && works[0] === "polling") lines.push("Polling works, WebSocket does not.");
  if (works.length === 1 && works[0] === "websocket") {
    lines.push('WebSocket works, polling does not: only clients with transports: ["websocket"] connect.');
  }
  return lines;
}
