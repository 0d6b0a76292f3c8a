/*
 * The packets of one connection, while they are watched.
 * Knows: taps, and what a viewer may see of payloads.
 * Must not know: how packets are redacted.
 */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Payloads, TappedPacket } from "../../../src/dashboard/wire.ts";
import { formatBytes, formatTime, plural } from "../format.ts";
import { isRefused } from "../live.ts";
import { useHello, useLive } from "../page.tsx";
import { useStore } from "../store.ts";
import { sentenceOf } from "./notice.tsx";
import { Panel } from "./panel.tsx";

/** Packets that stay on the page. */
const MOST_PACKETS = 300;

const LEVELS: Record<Payloads, string> = {
  none: "Payloads are not shown.",
  shape: "Payloads are shown as types and sizes.",
  values: "Payloads are shown with their values; secrets are left out.",
};

interface Tapped {
  readonly packets: readonly TappedPacket[];
  readonly skipped: number;
}

const NOTHING: Tapped = { packets: [], skipped: 0 };

/** Taps the connection while `isOn`; returns what has come, and why it was refused. */
function useTap(handle: string, isOn: boolean): Tapped & { problem: string } {
  const live = useLive();
  const phase = useStore(live.phase);
  const [tapped, setTapped] = useState<Tapped>(NOTHING);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!isOn || phase !== "live") return undefined;
    setProblem("");
    const stopping = live.tap(handle, (entries, skipped) =>
      setTapped((before) => ({
        packets: [...before.packets, ...entries].slice(-MOST_PACKETS),
        skipped: before.skipped + skipped,
      })),
    );
    void stopping.then((answer) => isRefused(answer) && setProblem(sentenceOf(answer)));
    return () => void stopping.then((stop) => isRefused(stop) || stop());
  }, [live, handle, isOn, phase]);
  return { ...tapped, problem };
}

function PacketRow({ packet }: { packet: TappedPacket }): JSX.Element {
  const way = packet.direction === "in" ? "from the client" : "to the client";
  return (
    <li class={packet.direction}>
      <time>{formatTime(packet.at)}</time>
      <span aria-hidden="true">{packet.direction === "in" ? "→" : "←"}</span>
      <span class="hidden">{way}</span>
      <code>
        {packet.head} {packet.body}
      </code>
      <span class="dim">{formatBytes(packet.bytes)}</span>
    </li>
  );
}

export function Wire({ handle }: { handle: string }): JSX.Element {
  const { payloads } = useHello();
  const [isOn, setIsOn] = useState(false);
  const { packets, skipped, problem } = useTap(handle, isOn);
  return (
    <Panel
      title="On the wire"
      aside={
        <button aria-pressed={isOn} onClick={() => setIsOn(!isOn)}>
          {isOn ? "Stop watching" : "Watch packets"}
        </button>
      }
    >
      <p class="dim">
        {LEVELS[payloads]} {skipped > 0 && `${plural(skipped, "packet")} left out: there were too many.`}
      </p>
      {problem !== "" && <p role="alert">{problem}</p>}
      {isOn && packets.length === 0 && problem === "" && <p class="dim">Waiting for a packet…</p>}
      {packets.length > 0 && (
        <ol class="packets" tabIndex={0} aria-label="Packets, the newest last">
          {packets.map((packet, index) => (
            <PacketRow key={index} packet={packet} />
          ))}
        </ol>
      )}
    </Panel>
  );
}
