/** What constructors are called with: a URI and options, or options alone; null stands for none. */
export function splitArguments<Options extends object>(
  uri: string | Options | null | undefined,
  opts: Options | undefined,
): [uri: string | undefined, opts: Options] {
  return typeof uri === "string" ? [uri, opts ?? ({} as Options)] : [undefined, uri ?? opts ?? ({} as Options)];
}
