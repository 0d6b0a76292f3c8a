/*
 * Actions on one connection.
 * Knows: the actions `disconnect` and `emit`.
 * Must not know: how the server performs them.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Result, useAct } from "./act.tsx";
import { EmitForm } from "./emit-form.tsx";
import { Panel } from "./panel.tsx";

export function ConnectionActions({
  handle,
  namespaces,
}: {
  handle: string;
  namespaces: readonly string[];
}): JSX.Element {
  const { perform, result } = useAct();
  const [chosen, choose] = useState<string | undefined>(undefined);
  const namespace = chosen ?? namespaces[0];
  return (
    <Panel title="Actions">
      <div class="actions">
        {namespace !== undefined && (
          <div>
            {namespaces.length > 1 && (
              <select aria-label="Namespace" value={namespace} onChange={(event) => choose(event.currentTarget.value)}>
                {namespaces.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
            <EmitForm namespace={namespace} handle={handle} />
          </div>
        )}
        <div>
          <button onClick={() => void perform("disconnect", { handle, count: 1 })}>Disconnect this client</button>
          <Result>{result}</Result>
        </div>
      </div>
    </Panel>
  );
}
