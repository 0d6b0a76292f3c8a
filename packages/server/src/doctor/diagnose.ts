import type { Way } from "./codes.ts";
import { Context, type DoctorOptions } from "./context.ts";
import type { Finding } from "./finding.ts";
import { STEPS } from "./steps/index.ts";

/** The findings of one step. */
export interface StepResult {
  /** Short name of the step. */
  readonly name: string;
  /** The activity of the step in words, such as "Opening a WebSocket". */
  readonly title: string;
  /** The findings, in order. */
  readonly findings: readonly Finding[];
}

/** The result of an examination. */
export interface Diagnosis {
  /** The examined address. */
  readonly url: string;
  /** The path of the server, such as `/socket.io/`. */
  readonly path: string;
  /** `fine`: everything works · `limited`: clients connect with limitations · `unreachable`: clients can't connect. */
  readonly verdict: "fine" | "limited" | "unreachable";
  /** The ways to connect that work. */
  readonly works: readonly Way[];
  /** The steps that ran, in order. */
  readonly steps: readonly StepResult[];
}

const WAYS: readonly Way[] = ["polling", "websocket"];

/**
 * Connects to a Socket.IO or Engine.IO server step by step, as clients do, and reports what works and what to change.
 *
 * @throws (rejects) TypeError when `url` is not an HTTP or WebSocket URL. Faults of the server are findings.
 * @example
 * const { verdict, steps } = await diagnose("https://example.org", { origin: "https://app.example.org", hold: 0 });
 * for (const { findings } of steps) for (const { sentence } of findings) console.log(sentence);
 */
export async function diagnose(url: string | URL, options: DoctorOptions = {}): Promise<Diagnosis> {
  const context = new Context(url, options);
  const steps: StepResult[] = [];
  for (const step of STEPS) {
    if (!WAYS.some((way) => context.works(way))) break;
    if (step.needs !== undefined && !context.works(step.needs)) continue;
    if (step.applies?.(context) === false) continue;
    options.onStep?.(step.title);
    const findings = await step.run(context);
    context.learn(findings);
    steps.push({ name: step.name, title: step.title, findings });
  }
  return conclude(context, steps);
}

function conclude(context: Context, steps: readonly StepResult[]): Diagnosis {
  const works = WAYS.filter((way) => context.works(way));
  const isLimited = steps.some(({ findings }) => findings.some(({ level }) => level === "limit" || level === "fail"));
  const verdict = works.length === 0 ? "unreachable" : isLimited ? "limited" : "fine";
  return { url: context.url.href, path: context.path, verdict, works, steps };
}
