import type { Bus } from "./bus.ts";
import { BusAdapter } from "./bus-adapter.ts";

/** Creates the adapter of a namespace on a node. */
export function createBusAdapter(nsp: unknown, bus: Bus): BusAdapter {
  return new BusAdapter(nsp, bus);
}
