/*
 * The sockets of a connection, one for each namespace, and their rooms.
 * Knows: sockets of the wire, and the actions `join` and `leave`.
 * Must not know: the connection below them.
 */
import type { JSX } from "preact";
import type { ConnectionStory } from "../../../src/dashboard/wire.ts";
import { formatCount, plural } from "../format.ts";
import { useMayAct } from "../page.tsx";
import { routeTo } from "../route.ts";
import { ActionForm, Field, Result, useAct } from "./act.tsx";
import { Mark, Panel } from "./panel.tsx";

type SocketOf = ConnectionStory["sockets"][number];
/** Rooms that are listed at once. */
const MOST_ROOMS = 100;

interface RoomsOfProps {
  socket: SocketOf;
  leave?: (room: string) => void;
}

function RoomsOf({ socket: { namespace, rooms }, leave }: RoomsOfProps): JSX.Element {
  if (rooms.length === 0) return <p class="dim">None but its own.</p>;
  return (
    <ul class="chips">
      {rooms.slice(0, MOST_ROOMS).map((room) => (
        <li key={room}>
          <a href={routeTo("rooms", { nsp: namespace, room })}>{room}</a>
          {leave !== undefined && (
            <button class="quiet" aria-label={`Leave ${room}`} onClick={() => leave(room)}>
              leave
            </button>
          )}
        </li>
      ))}
      {rooms.length > MOST_ROOMS && <li class="dim">and {formatCount(rooms.length - MOST_ROOMS)} more</li>}
    </ul>
  );
}

function SocketItem({ socket, handle }: { socket: SocketOf; handle: string }): JSX.Element {
  const mayAct = useMayAct();
  const { perform, result } = useAct();
  const { namespace } = socket;
  const leave = (room: string): void => void perform("leave", { handle, namespace, room });
  return (
    <li>
      <h3>
        {namespace} {socket.recovered && <Mark>recovered</Mark>}
      </h3>
      <p class="dim">{plural(socket.pendingAcks, "acknowledgement")} pending</p>
      <RoomsOf socket={socket} {...(mayAct && { leave })} />
      {mayAct && (
        <>
          <ActionForm
            title={`Join a room of ${namespace}`}
            button="Join"
            onSubmit={({ room = "" }) => void perform("join", { handle, namespace, room })}
          >
            <Field label="Room to join" name="room" />
          </ActionForm>
          <Result>{result}</Result>
        </>
      )}
    </li>
  );
}

export function SocketList({ sockets, handle }: { sockets: readonly SocketOf[]; handle: string }): JSX.Element {
  return (
    <Panel title="Sockets and rooms">
      {sockets.length === 0 && <p class="dim">It has not joined a namespace yet.</p>}
      <ul class="sockets">
        {sockets.map((socket) => (
          <SocketItem key={socket.namespace} socket={socket} handle={handle} />
        ))}
      </ul>
    </Panel>
  );
}
