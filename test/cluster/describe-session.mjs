/** A session that is open, as a failed test names it. */
export function describeSession({ id, protocol, transport, request, openedAt, readyState }) {
  const age = openedAt === undefined ? "" : `, ${Math.round(performance.now() - openedAt)} ms old`;
  return `${id}, EIO ${protocol}, ${transport.name}, ${readyState}${age}, opened by ${request?.method} ${request?.url}`;
}
