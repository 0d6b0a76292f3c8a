import cors, { type CorsOptions } from "cors";
import type { Middleware } from "./middleware.ts";

/** The middlewares that the option `cors` has brought. */
const brought = new WeakSet<Middleware>();

/** Puts the middleware of the option `cors` in the place of the one before, or first. */
export function replaceCors(middlewares: Middleware[], options: unknown): void {
  const index = middlewares.findIndex((middleware) => brought.has(middleware));
  const made = options ? [corsMiddleware(options)] : [];
  for (const middleware of made) brought.add(middleware);
  middlewares.splice(Math.max(index, 0), index === -1 ? 0 : 1, ...made);
}

/**
 * The middleware of the option `cors`. The package of that name looks at nothing that a delegate returns: its promise is
 * handed on here, so that whoever runs the middleware hears when it is rejected.
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
