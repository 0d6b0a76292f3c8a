/** Splits constructor arguments, a URI and options or options alone; null stands for either. A URL counts as a URI. */
export function splitArguments<Options extends object>(
  uri: string | { readonly href: string } | Options | null | undefined,
  opts: Options | undefined,
): [uri: string | undefined, opts: Options] {
  // a URL, or the location of a page
  const { href = uri } = (uri ?? {}) as { href?: unknown };
  return typeof href === "string"
    ? [href, opts ?? ({} as Options)]
    : [undefined, (uri as Options | null) ?? opts ?? ({} as Options)];
}
