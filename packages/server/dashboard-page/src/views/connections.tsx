/*
 * All connections: filter, orders, rows.
 * Knows: words of the filter, and the address that keeps them.
 * Must not know: how rows are found.
 */
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { filterOf, hasWord, paramsOf, toggleWord } from "../filter.ts";
import { plural } from "../format.ts";
import { go, useMayAct, useRoute } from "../page.tsx";
import { Result, TypedCount, useAct } from "../parts/act.tsx";
import { ConnectionRows } from "../parts/connection-rows.tsx";
import { Panel } from "../parts/panel.tsx";
import { routeTo } from "../route.ts";

/** Milliseconds without a key before the filter is asked for. */
const CALM = 250;

const WORDS = [
  ["transport:polling", "polling"],
  ["transport:websocket", "WebSocket"],
  ["stuck:yes", "stuck"],
  ["slow:yes", "slow"],
  ["rev:3", "revision 3"],
  ["age>3600", "older than 1 h"],
] as const;

const ORDERS = [
  ["natural", "as they come"],
  ["age", "age"],
  ["rtt", "round trip"],
  ["queued", "queue"],
  ["dropped", "dropped"],
  ["rooms", "rooms"],
  ["in", "events in"],
  ["out", "events out"],
] as const;

interface FilterProps {
  filter: string;
  order: string;
  onFilter: (filter: string) => void;
  onOrder: (order: string) => void;
}

function Filter({ filter, order, onFilter, onOrder }: FilterProps): JSX.Element {
  const id = useId();
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  useEffect(() => {
    if (text === filter) return undefined;
    const timer = setTimeout(() => onFilter(text.trim()), CALM);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="filter">
      <div class="field grows">
        <label for={id}>Filter</label>
        <input
          id={id}
          type="search"
          value={text}
          maxLength={200}
          aria-describedby={`${id}-help`}
          placeholder="a name, or transport:polling"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-order`}>Order</label>
        <select id={`${id}-order`} value={order} onChange={(event) => onOrder(event.currentTarget.value)}>
          {ORDERS.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </div>
      <div class="words" role="group" aria-label="Common filters">
        {WORDS.map(([word, title]) => (
          <button
            key={word}
            class="pill"
            aria-pressed={hasWord(filter, word)}
            onClick={() => onFilter(toggleWord(filter, word))}
          >
            {title}
          </button>
        ))}
      </div>
      <p id={`${id}-help`} class="dim help">
        Words: <code>transport:</code> <code>rev:</code> <code>slow:</code> <code>stuck:</code> <code>room:</code>{" "}
        <code>user:</code> <code>address:</code> <code>age&gt;</code> <code>queued&gt;</code>; anything else is searched
        in labels, handles and addresses.
      </p>
    </search>
  );
}

function DisconnectAll({ filter, total }: { filter: string; total: number }): JSX.Element {
  const { perform, result } = useAct();
  const [count, setCount] = useState<number | undefined>(undefined);
  const done = (isConfirmed: boolean): void => {
    if (isConfirmed && count !== undefined) void perform("disconnect", { filter, count });
    setCount(undefined);
  };
  return (
    <div class="buttons">
      <Result>{result}</Result>
      <button disabled={total === 0} onClick={() => setCount(total)}>
        Disconnect all that match…
      </button>
      {count !== undefined && (
        <TypedCount
          sentence={`${plural(count, "connection")} will be disconnected. Stock clients do not come back by themselves.`}
          count={count}
          button="Disconnect"
          onDone={done}
        />
      )}
    </div>
  );
}

export function Connections(): JSX.Element {
  const { params } = useRoute();
  const mayAct = useMayAct();
  const [total, setTotal] = useState(0);
  const filter = filterOf(params);
  const order = ORDERS.find(([name]) => name === params["order"])?.[0] ?? "natural";
  const descending = params["desc"] !== "0";
  const node = params["node"] ?? "";
  const show = (words: string, next: string, isDescending: boolean): void => {
    const isNatural = next === "natural";
    const ordering = { order: isNatural ? "" : next, desc: isNatural || isDescending ? "" : "0" };
    go(routeTo("connections", { ...paramsOf(words), ...ordering, node }), true);
  };
  const orderBy = (name: string): void => show(filter, name, name === order ? !descending : true);
  return (
    <>
      <h1>Connections{node === "" ? "" : ` of ${node}`}</h1>
      <Panel title="Rows" isTitleHidden>
        <Filter
          filter={filter}
          order={order}
          onFilter={(words) => show(words, order, descending)}
          onOrder={(name) => show(filter, name, true)}
        />
        <ConnectionRows
          view="connections"
          label="Connections"
          question={{ order, descending, filter, ...(node !== "" && { node }) }}
          onOrder={orderBy}
          onTotal={setTotal}
        />
        {mayAct && node === "" && filter !== "" && <DisconnectAll filter={filter} total={total} />}
      </Panel>
    </>
  );
}
