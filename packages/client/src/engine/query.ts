/** @returns the parameters joined by `&`, without `?` */
export function encodeQuery(query: Record<string, unknown>): string {
  return Object.entries(query)
    .map(([name, value]) => encodeURIComponent(name) + "=" + encodeURIComponent(value as string))
    .join("&");
}

/** @param text parameters joined by `&`; plus signs stand for themselves */
export function decodeQuery(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("&").map((pair) => {
      const [name, ...value] = pair.split("=");
      return [decodeURIComponent(name!), decodeURIComponent(value.join("="))];
    }),
  );
}
