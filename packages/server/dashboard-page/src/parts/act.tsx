/*
 * Actions: forms that ask for a number before they touch more than one target.
 * Knows: actions of the wire, and what came of them.
 * Must not know: how the server performs them.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Actions } from "../../../src/dashboard/wire.ts";
import { plural } from "../format.ts";
import { isRefused } from "../live.ts";
import { useLive } from "../page.tsx";
import { sentenceOf } from "./notice.tsx";

type Perform = <Name extends keyof Actions>(name: Name, target: Parameters<Actions[Name]>[0]) => Promise<void>;

/** Returns a function that performs actions, and the sentence about the last one. */
export function useAct(): { perform: Perform; result: string } {
  const live = useLive();
  const [result, setResult] = useState("");
  const perform: Perform = async (name, target) => {
    setResult("Asking the server…");
    const answer = await live.act(name, target);
    setResult(isRefused(answer) ? sentenceOf(answer) : `Done: ${plural(answer.affected, "target")}.`);
  };
  return { perform, result };
}

/** What came of an action; read out politely. */
export function Result({ children }: { children: string }): JSX.Element {
  return (
    <p class="result" role="status">
      {children}
    </p>
  );
}

interface FieldProps {
  label: string;
  name: string;
  value?: string;
  type?: "text" | "number";
  isOptional?: boolean;
}

export function Field({ label, name, value = "", type = "text", isOptional = false }: FieldProps): JSX.Element {
  const id = useId();
  const shared = { id, name, defaultValue: value, required: !isOptional, autocomplete: "off" };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type === "number" ? <input {...shared} type="number" min={0} /> : <input {...shared} type="text" />}
    </div>
  );
}

interface ActionFormProps {
  title: string;
  button: string;
  /** Fields of the form; the record has a value for each. */
  children?: ComponentChildren;
  onSubmit: (fields: Record<string, string>) => void;
}

export function ActionForm({ title, button, children, onSubmit }: ActionFormProps): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget as HTMLFormElement)];
    onSubmit(Object.fromEntries(entries.map(([name, value]) => [name, typeof value === "string" ? value : ""])));
  };
  return (
    <form class="action" aria-label={title} onSubmit={submit}>
      {children}
      <button type="submit">{button}</button>
    </form>
  );
}

interface TypedCountProps {
  /** The action, as a sentence with the number in it. */
  sentence: string;
  count: number;
  button: string;
  onDone: (isConfirmed: boolean) => void;
}

/** Asks for the number of targets before an action that has several. */
export function TypedCount({ sentence, count, button, onDone }: TypedCountProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const isRight = typed.replace(/[\s,]/g, "") === String(count);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isRight) onDone(true);
  };
  return (
    <dialog ref={dialog} aria-labelledby={`${id}-sentence`} onClose={() => onDone(false)}>
      <form class="confirm" onSubmit={submit}>
        <p id={`${id}-sentence`}>{sentence}</p>
        <label for={id}>Type {count} to go on</label>
        <input
          id={id}
          inputMode="numeric"
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <div class="buttons">
          <button type="button" onClick={() => onDone(false)}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!isRight}>
            {button}
          </button>
        </div>
      </form>
    </dialog>
  );
}
