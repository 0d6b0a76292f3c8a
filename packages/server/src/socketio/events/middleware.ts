import type { Next } from "../../base/guarded.ts";

/** A function that looks at a subject (a socket that wants to join, an incoming event) before others get it. */
export type Middleware<Subject> = (subject: Subject, next: Next) => unknown;
