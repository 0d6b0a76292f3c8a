import cors from "cors";
import type { Middleware } from "./middleware.ts";

/**
 * The middleware of the option `cors`. The package of that name looks at nothing that a delegate returns: its promise is
 * handed on here, so that whoever runs the middleware hears when it is rejected.
 */
export function corsMiddleware(options: unknown): Middleware {
  if (typeof options !== "function") return cors(options as never) as Middleware;
  return (req, res, next) => {
    let returned: unknown;
    const ask = (request: unknown, answer: unknown): void => {
      returned = Reflect.apply(options, undefined, [request, answer]);
    };
    (cors(ask as never) as Middleware)(req, res, next);
    return returned;
  };
}
