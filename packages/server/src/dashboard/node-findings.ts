/*
 * Findings of all nodes: what a node answers about its own, and what a page shows of the others.
 * Knows: findings of the wire.
 * Must not know: how nodes are asked, how a finding comes about.
 */
import type { Finding } from "./wire.ts";

/** Findings of one node, their bytes as JSON, and findings of all other nodes. */
const MOST_OF_NODE = 10;
const MOST_BYTES_OF_NODE = 7000;
const MOST_OF_OTHERS = 32;

/** Problems before warnings, the oldest first. */
const worstFirst = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((one, other) => one.level.localeCompare(other.level) || one.since - other.since);

/** Returns what a node answers: its worst findings, as its own viewers see them, without their figures. */
export function findingsToReport(findings: readonly Finding[]): Finding[] {
  let left = MOST_BYTES_OF_NODE;
  const worst = worstFirst(findings).slice(0, MOST_OF_NODE).map(withoutFigures);
  return worst.filter((finding) => {
    const size = Buffer.byteLength(JSON.stringify(finding));
    const isFitting = size <= left;
    if (isFitting) left -= size;
    return isFitting;
  });
}

const withoutFigures = ({ code, subject, level, sentence, advice, since, link }: Finding): Finding => ({
  code,
  subject,
  level,
  sentence,
  advice,
  since,
  ...(link !== undefined && { link }),
});

/** Reads the answer of another node, which may have another version. */
export function readFindings(node: string, answer: unknown): Finding[] {
  const given = Array.isArray(answer) ? (answer.slice(0, MOST_OF_NODE) as readonly unknown[]) : [];
  return given.filter(isFinding).map(({ link, ...finding }) => {
    const shown = linkFor(node, link);
    return { ...withoutFigures(finding), node, ...(shown !== undefined && { link: shown }) };
  });
}

function isFinding(value: unknown): value is Finding {
  if (typeof value !== "object" || value === null) return false;
  const { code, subject, level, sentence, advice, since, link = "" } = value as Finding;
  const isText = [code, subject, sentence, advice, link].every((text: unknown) => typeof text === "string");
  return isText && (level === "problem" || level === "warning") && Number.isFinite(since);
}

/** Of another node, a page shows the table of connections alone. */
function linkFor(node: string, link = ""): string | undefined {
  const [view, query] = link.split("?", 2);
  if (view !== "#/connections") return undefined;
  const params = new URLSearchParams(query);
  params.set("node", node);
  return `${view}?${params.toString()}`;
}

/** Returns the findings of all nodes for a page. Several nodes miss a silent one: that is one finding. */
export function findingsOfAll(own: readonly Finding[], others: readonly Finding[]): readonly Finding[] {
  if (others.length === 0) return own;
  const missing = new Set(own.filter(isSilence).map(({ subject }) => subject));
  const shown = worstFirst(others).filter((finding) => {
    if (!isSilence(finding)) return true;
    const isNew = !missing.has(finding.subject);
    missing.add(finding.subject);
    return isNew;
  });
  return [...own, ...shown.slice(0, MOST_OF_OTHERS)];
}

const isSilence = ({ code }: Finding): boolean => code === "NODE_SILENT";
