/*
 * The doctor: examines a Socket.IO or Engine.IO server from outside, and says what to change in it or in the proxies before it.
 * Knows: the wire: HTTP, WebSocket, the packets of Engine.IO.
 * Must not know: this server's engine or its sockets: it works on servers of any make.
 * A step (`steps/`) adds findings; their sentences stand in `codes.ts`, what to do about them in `advice.ts`.
 * `diagnose` runs the steps, `report.ts` writes the result for humans, `cli.ts` is the command portage-doctor.
 */
export type { Advised, Place } from "./advice.ts";
export { CODES } from "./codes.ts";
export type { Code, Way } from "./codes.ts";
export type { DoctorOptions } from "./context.ts";
export { diagnose } from "./diagnose.ts";
export type { Diagnosis, StepResult } from "./diagnose.ts";
export type { Facts, Finding } from "./finding.ts";
export type { Level } from "./codes.ts";
export { report } from "./report.ts";
