/*
 * Entry @portage/client/webtransport: the transport for programs that name it. Other programs do not load it.
 * Knows: the class of the transport.
 * Must not know: sessions, managers. They take the class by the option `transports`.
 */
export { WT as WebTransport } from "./engine/transports/webtransport.ts";
