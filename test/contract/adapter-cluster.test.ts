import { ClusterAdapterWithHeartbeat } from "@portage/server/adapter";
import * as npm from "socket.io-adapter";
import { describe } from "vitest";
import { type Bus, clusterContract, type Member, type OnBus } from "./adapter-cluster.ts";

/** Connects an abstract adapter class to a bus in memory. */
function onBus(Base: typeof npm.ClusterAdapterWithHeartbeat): OnBus {
  return (bus: Bus) =>
    class extends Base {
      constructor(nsp: unknown) {
        super(nsp, {});
        bus.join(this as unknown as Member);
      }
      override doPublish = (message: object): Promise<string> => bus.send(message);
      override async doPublishResponse(uid: string, response: object): Promise<void> {
        await bus.send(response, uid);
      }
    };
}

const portage = onBus(ClusterAdapterWithHeartbeat as unknown as typeof npm.ClusterAdapterWithHeartbeat);
const reference = onBus(npm.ClusterAdapterWithHeartbeat);

describe.each([
  ["two servers of Portage", portage, portage],
  ["two servers of socket.io-adapter", reference, reference],
  ["Portage with socket.io-adapter", portage, reference],
  ["socket.io-adapter with Portage", reference, portage],
])("%s on one bus", (_who, one, two) => clusterContract(one, two));
