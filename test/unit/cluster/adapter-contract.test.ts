import { describe } from "vitest";
import { BusAdapter } from "../../../packages/cluster/src/adapter/bus-adapter.ts";
import { type AdapterClass, adapterContract, room } from "../../contract/adapter.ts";
import { clusterBehaviour } from "../../contract/adapter-cluster.ts";
import { Mesh } from "./adapter-mesh.ts";

/** Returns the adapter of a node. */
function onNode(mesh: Mesh, tag: string): AdapterClass {
  const bus = mesh.add(tag);
  return class extends BusAdapter {
    constructor(nsp: unknown) {
      super(nsp, bus);
    }
  };
}

describe("the adapter of a node without others", () => {
  adapterContract(onNode(new Mesh(), "aaaa"));
});

describe("the adapters of two nodes", () => {
  clusterBehaviour(async () => {
    const mesh = new Mesh();
    const [a, b] = [room(onNode(mesh, "aaaa")), room(onNode(mesh, "bbbb"))];
    a.adapter.init();
    b.adapter.init();
    return { a, b, leave: () => mesh.kill("bbbb") };
  });
});
