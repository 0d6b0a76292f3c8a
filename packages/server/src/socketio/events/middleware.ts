import type { Next } from "../../base/guarded.ts";

/** Checks a joining socket or an incoming event before it is admitted; `next` admits it, `next(error)` refuses it. */
export type SubjectMiddleware<Subject> = (subject: Subject, next: Next) => unknown;
