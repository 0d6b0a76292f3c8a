/*
 * @portage/client: reserved for the client of Portage. There is nothing in it yet.
 * Until there is, `socket.io-client` is the client to use with @portage/server.
 */

/** Whether this package has a client in it. */
export const isAvailable: boolean = false;
