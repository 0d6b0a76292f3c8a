/*
 * Where a session connects: what a URL, the options and the page say of it.
 * Knows: URLs, queries, the location of the page.
 * Must not know: sessions and transports.
 */
/**
 * Scheme, host, port, path and query of a URL. `URL` would ask for a scheme, and for brackets around IPv6 addresses; programs
 * write `localhost:3000` and `//example.org`.
 */
export const ADDRESS =
  /^(?:(\w+):\/\/|\/\/)?(?:[^@/?#]*@)?(\[[^\]]*]|(?:[a-f\d]*:){2,}[a-f\d]*|[^:/?#]*):?(\d*)([^?#]*)\??([^#]*)/i;

/** Whether a scheme is `https` or `wss`; a missing one is not. */
export const isSecure = (scheme?: string): boolean => /ps|ss/i.test(scheme!);

/** The port that nobody writes. */
export const usualPort = (secure: unknown): string => (secure ? "443" : "80");
