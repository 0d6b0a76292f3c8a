import type { Route } from "./route.ts";

/** Milliseconds for which the first route fails before the second one is tried. */
const FIRST_PATIENCE = 1000;
/** Milliseconds until the first route is tried again, while the second one leads to the node. */
export const FIRST_ROUTE_AGAIN = 60_000;

/** Which route to a node is tried next: the first one, and both in turn where the first fails. */
export class RouteChoice {
  #chosen: "first" | "second" = "first";
  /** When the first route was tried last, and when it was tried first of all tries that failed. */
  #triedAt = -Infinity;
  #failsSince: number | undefined = undefined;
  #second: "untried" | "leads there" | "fails" = "untried";

  /** Returns the route to try. Undefined: there is none. */
  choose([first, second]: readonly Route[], now: number): Route | undefined {
    this.#chosen = second !== undefined && this.#isSecondDue(now) ? "second" : "first";
    if (this.#chosen === "second") return second;
    this.#triedAt = now;
    if (this.#second === "fails") this.#second = "untried";
    return first;
  }

  #isSecondDue(now: number): boolean {
    if (this.#failsSince === undefined || now - this.#failsSince < FIRST_PATIENCE) return false;
    return this.#second === "leads there" ? now - this.#triedAt < FIRST_ROUTE_AGAIN : this.#second === "untried";
  }

  /** The chosen route did not lead to the node. */
  fail(): void {
    if (this.#chosen === "second") this.#second = "fails";
    else this.#failsSince ??= this.#triedAt;
  }

  /** The chosen route, or the first one, leads to the node. */
  succeed(chosen = this.#chosen): void {
    if (chosen === "second") this.#second = "leads there";
    else this.#failsSince = undefined;
  }
}
