import type { Untyped } from "./typed-events.ts";

/** A listener for all events of a socket. */
export type AnyListener = (...args: Untyped[]) => void;

/** The listeners less one of them; none are left when none is named, or something falsy. The array stays the same, where there is one. */
export function without(
  listeners: AnyListener[] | undefined,
  listener: AnyListener | undefined,
): AnyListener[] | undefined {
  if (!listener) return undefined;
  const index = listeners?.indexOf(listener) ?? -1;
  if (index !== -1) listeners?.splice(index, 1);
  return listeners;
}
