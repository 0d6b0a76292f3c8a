import { BARS } from "../bars.ts";
import { percent } from "../sentences.ts";
import type { NetworkSnapshot, Rule, Sighting } from "../snapshot.ts";

const sumOf = (networks: readonly NetworkSnapshot[], of: "connections" | "stuck"): number =>
  networks.reduce((all, network) => all + network[of], 0);

function isBlocked({ connections, stuck }: NetworkSnapshot): boolean {
  return connections >= BARS.stuckOnPolling.ofNetwork && stuck === connections;
}

function sighting(subject: string, sentence: string): Sighting {
  return { code: "STUCK_ON_POLLING", subject, sentence, link: "#/connections?transport=polling" };
}

/** Clients stay on polling although they may upgrade: all of one network, where others do upgrade, or many of all networks. */
export const stuckOnPolling: Rule = ({ networks }) => {
  const connections = sumOf(networks, "connections");
  const stuck = sumOf(networks, "stuck");
  const upgraded = connections - stuck;
  const blocked = upgraded > 0 ? networks.filter(isBlocked).slice(0, BARS.stuckOnPolling.named) : [];
  if (blocked.length > 0) {
    return blocked.map(({ network, connections: count }) =>
      sighting(
        network,
        `None of ${count} clients of the network ${network} left polling, where ${percent(upgraded / connections)} of all did.`,
      ),
    );
  }
  if (connections < BARS.stuckOnPolling.connections || stuck / connections <= BARS.stuckOnPolling.share) return [];
  const sentence = `${stuck} of ${connections} clients (${percent(stuck / connections)}) are still on polling after 30 seconds.`;
  return [sighting("all networks", sentence)];
};
