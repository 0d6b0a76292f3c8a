/*
 * Resolves the address of a session from a URL, the options and the page.
 * Knows: URLs, queries, the location of the page.
 * Must not know: sessions and transports.
 */
/**
 * Matches scheme, host, port, path and query of a URL. `URL` rejects `localhost:3000`, `//example.org` and IPv6 addresses
 * without brackets, which programs write.
 */
export const ADDRESS =
  /^(?:(\w+):\/\/|\/\/)?(?:[^@/?#]*@)?(\[[^\]]*]|(?:[a-f\d]*:){2,}[a-f\d]*|[^:/?#]*):?(\d*)([^?#]*)\??([^#]*)/i;

/** Whether a scheme is `https` or `wss`; false if it is missing. */
export const isSecure = (scheme?: string): boolean => /ps|ss/i.test(scheme!);

/** The default port of the scheme, left out of URLs. */
export const usualPort = (secure: unknown): string => (secure ? "443" : "80");
