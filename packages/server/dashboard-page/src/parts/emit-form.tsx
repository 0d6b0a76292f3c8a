/*
 * The form that emits an event to a socket or to a room.
 * Knows: the action `emit`.
 * Must not know: who receives it.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Actions } from "../../../src/dashboard/wire.ts";
import { membersOf } from "../filter.ts";
import { plural } from "../format.ts";
import { isRefused } from "../live.ts";
import { useLive } from "../page.tsx";
import { ActionForm, Field, Result, TypedCount, useAct } from "./act.tsx";

type Target = Parameters<Actions["emit"]>[0];

const isArray = (text: string): boolean => {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
};

interface EmitFormProps {
  namespace: string;
  /** One connection. */
  handle?: string;
  /** All members of a room. */
  room?: string;
}

export function EmitForm({ namespace, handle, room }: EmitFormProps): JSX.Element {
  const live = useLive();
  const { perform, result } = useAct();
  const [problem, setProblem] = useState("");
  const [target, setTarget] = useState<Target | undefined>(undefined);
  const isRoom = room !== undefined;
  const submit = async ({ event = "", args = "" }: Record<string, string>): Promise<void> => {
    setProblem(isArray(args) ? "" : 'The arguments are a JSON array: ["hello", 1].');
    if (!isArray(args)) return;
    const wanted = {
      namespace,
      event,
      args,
      ...(handle !== undefined && { handle }),
      ...(room !== undefined && { room }),
    };
    if (!isRoom) return perform("emit", { ...wanted, count: 1 });
    const question = {
      order: "natural",
      descending: false,
      filter: membersOf(namespace, room),
      from: 0,
      count: 1,
    };
    const members = await live.page("members", question);
    if (isRefused(members)) setProblem("The server did not say how many members there are.");
    else setTarget({ ...wanted, count: members.total });
  };
  const done = (isConfirmed: boolean): void => {
    if (isConfirmed && target !== undefined) void perform("emit", target);
    setTarget(undefined);
  };
  return (
    <>
      <ActionForm title="Emit an event" button={isRoom ? "Emit…" : "Emit"} onSubmit={(fields) => void submit(fields)}>
        <Field label="Event" name="event" />
        <Field label="Arguments, as a JSON array" name="args" value="[]" />
      </ActionForm>
      {target !== undefined && (
        <TypedCount
          sentence={`“${target.event}” goes to ${plural(target.count, "member")} of ${room}.`}
          count={target.count}
          button="Emit"
          onDone={done}
        />
      )}
      <Result>{problem === "" ? result : problem}</Result>
    </>
  );
}
