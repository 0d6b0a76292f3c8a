import { percent } from "../sentences.ts";
import type { NetworkSnapshot, Rule, Sighting } from "../snapshot.ts";

const SHARE = 0.2;
/** Connections, of all or of one network, below which a share says nothing. */
const LEAST = 5;
const LEAST_OF_NETWORK = 3;
/** Networks that are named one by one. */
const NAMED = 3;

const sum = (networks: readonly NetworkSnapshot[], of: "connections" | "stuck"): number =>
  networks.reduce((all, network) => all + network[of], 0);

function isBlocked({ connections, stuck }: NetworkSnapshot): boolean {
  return connections >= LEAST_OF_NETWORK && stuck === connections;
}

function sighting(subject: string, sentence: string): Sighting {
  return { code: "STUCK_ON_POLLING", subject, sentence, link: "#/connections?transport=polling" };
}

/** Clients stay on polling although they may upgrade: those of one network, where others do upgrade, or many of all. */
export const stuckOnPolling: Rule = ({ networks }) => {
  const connections = sum(networks, "connections");
  const stuck = sum(networks, "stuck");
  const upgraded = connections - stuck;
  const blocked = upgraded > 0 ? networks.filter(isBlocked).slice(0, NAMED) : [];
  if (blocked.length > 0) {
    return blocked.map(({ network, connections: count }) =>
      sighting(
        network,
        `None of ${count} clients of the network ${network} left polling, where ${percent(upgraded / connections)} of all did.`,
      ),
    );
  }
  if (connections < LEAST || stuck / connections <= SHARE) return [];
  const sentence = `${stuck} of ${connections} clients (${percent(stuck / connections)}) are still on polling after 30 seconds.`;
  return [sighting("all networks", sentence)];
};
