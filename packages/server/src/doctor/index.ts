/*
 * The doctor: examines a Socket.IO or Engine.IO server from outside, and advises changes of it or of the proxies before it.
 * Knows: the wire: HTTP, WebSocket, the packets of Engine.IO.
 * Must not know: this server's engine or its sockets, since it examines servers of any make.
 * A step (`steps/`) returns findings. `codes.ts` has their sentences, `advice.ts` the changes to make.
 * `diagnose` runs the steps, `report.ts` formats the result as text, `cli.ts` is the command portage-doctor.
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
