/** @returns the parameters joined by `&`, without `?` */
export const encodeQuery = (query: Record<string, unknown>): string =>
  Object.entries(query)
    .map((pair) => pair.map((part) => encodeURIComponent(part as string)).join("="))
    .join("&");

/** @param text parameters joined by `&`; plus signs stand for themselves */
export function decodeQuery(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("&").map((pair) => {
      const [name, ...value] = pair.split("=");
      return [name!, value.join("=")].map(decodeURIComponent) as [string, string];
    }),
  );
}
