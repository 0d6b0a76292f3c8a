// The seeded faults: of the server, of its clients, and of the network. The page has to name each of them.
import { KEEPING } from "./keeping.mjs";
import { NETWORK } from "./network.mjs";
import { TRAFFIC } from "./traffic.mjs";
import { HEALTHY } from "./healthy.mjs";

/**
 * A fault by name. `named`: the codes and the subject that must be on the first screen, for each variant.
 * `server(io, variant)` runs in the server, `crowd({ ports, variant, connect, random, talk })` among the clients.
 */
export const FAULTS = { ...TRAFFIC, ...KEEPING, ...NETWORK, ...HEALTHY };
