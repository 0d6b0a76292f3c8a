/* How findings write numbers. */

/** `81 %`. */
export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** `1.2 MB`. */
export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = count;
  let index = 0;
  for (; value >= 1000 && index < units.length - 1; index++) value /= 1000;
  return `${index === 0 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}

/** `240 ms`, `1.5 s`. */
export const timeText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** `1 client`, `3 clients`. */
export const amount = (count: number, one: string): string =>
  `${Math.round(count)} ${one}${Math.round(count) === 1 ? "" : "s"}`;

/** An event by its name, with the namespace unless it is the main one. */
export const eventText = ({ event, namespace }: { event: string; namespace: string }): string =>
  namespace === "/" ? event : `${event} (${namespace})`;
