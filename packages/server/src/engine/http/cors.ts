import cors, { type CorsOptions } from "cors";
import type { Middleware } from "./middleware.ts";

/** Middlewares created for the option `cors`. */
const brought = new WeakSet<Middleware>();

/** Replaces the middleware of the option `cors`, or adds it first. */
export function replaceCors(middlewares: Middleware[], options: unknown): void {
  const index = middlewares.findIndex((middleware) => brought.has(middleware));
  const made = options ? [corsMiddleware(options)] : [];
  for (const middleware of made) brought.add(middleware);
  middlewares.splice(Math.max(index, 0), index === -1 ? 0 : 1, ...made);
}

/**
 * Creates the middleware of the option `cors`. The package `cors` ignores the return value of a delegate; this middleware
 * returns it, so that a rejected promise is reported.
 */
export function corsMiddleware(options: unknown): Middleware {
  if (typeof options !== "function") return cors(options as CorsOptions) as Middleware;
  return (req, res, next) => {
    let returned: unknown;
    const ask = (request: unknown, answer: unknown): void => {
      returned = Reflect.apply(options, undefined, [request, answer]);
    };
    (cors(ask) as Middleware)(req, res, next);
    return returned;
  };
}
