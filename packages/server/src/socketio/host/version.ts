/** The version of this package; `npm run versions` writes it. */
export const SERVER_VERSION = "4.8.0";
