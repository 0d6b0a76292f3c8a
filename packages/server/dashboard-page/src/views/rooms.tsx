/*
 * Namespaces, the largest and busiest rooms, and the members of one.
 * Knows: the view of rooms on the wire.
 * Must not know: how rooms are counted.
 */
import type { JSX } from "preact";
import type { NamespaceRow, RoomRow, RoomsView } from "../../../src/dashboard/wire.ts";
import { formatCount, formatRate, formatShare } from "../format.ts";
import { useMayAct, useRoute, useView } from "../page.tsx";
import { ConnectionRows } from "../parts/connection-rows.tsx";
import { DataTable, type Column } from "../parts/data-table.tsx";
import { EmitForm } from "../parts/emit-form.tsx";
import { Answered } from "../parts/notice.tsx";
import { Panel } from "../parts/panel.tsx";
import { membersOf } from "../filter.ts";
import { routeTo } from "../route.ts";

const NAMESPACES: ReadonlyArray<Column<NamespaceRow>> = [
  { title: "Namespace", cell: ({ name }) => <a href={routeTo("rooms", { nsp: name })}>{name}</a> },
  { title: "Sockets", cell: ({ sockets }) => formatCount(sockets), order: ({ sockets }) => sockets, isNumber: true },
  { title: "Rooms", cell: ({ rooms }) => formatCount(rooms), order: ({ rooms }) => rooms, isNumber: true },
];

const ROOMS: ReadonlyArray<Column<RoomRow>> = [
  { title: "Room", cell: ({ namespace, room }) => <a href={routeTo("rooms", { nsp: namespace, room })}>{room}</a> },
  { title: "Namespace", cell: ({ namespace }) => namespace },
  { title: "Members", cell: ({ members }) => formatCount(members), order: ({ members }) => members, isNumber: true },
  {
    title: "Deliveries",
    cell: ({ deliveries }) => formatRate(deliveries),
    order: ({ deliveries }) => deliveries,
    isNumber: true,
  },
  { title: "Share", cell: ({ share }) => formatShare(share), order: ({ share }) => share, isNumber: true },
];

const keyOf = ({ namespace, room }: RoomRow): string => `${namespace} ${room}`;

function Tables({ view, nsp }: { view: RoomsView; nsp: string | undefined }): JSX.Element {
  const ofNamespace = (rows: readonly RoomRow[]) =>
    rows.filter(({ namespace }) => nsp === undefined || namespace === nsp);
  return (
    <>
      <div class="columns">
        <Panel title="Most deliveries a second">
          <DataTable
            label="Rooms by deliveries"
            columns={ROOMS}
            rows={ofNamespace(view.byDeliveries)}
            keyOf={keyOf}
            none="Nothing is delivered to rooms."
          />
        </Panel>
        <Panel title="Most members">
          <DataTable
            label="Rooms by members"
            columns={ROOMS}
            rows={ofNamespace(view.byMembers)}
            keyOf={keyOf}
            none="There are only the rooms that each socket has for itself."
          />
        </Panel>
      </div>
      <Panel title="Namespaces">
        <DataTable
          label="Namespaces"
          columns={NAMESPACES}
          rows={view.namespaces}
          keyOf={({ name }) => name}
          none="None yet."
        />
      </Panel>
    </>
  );
}

function Members({ nsp, room }: { nsp: string; room: string }): JSX.Element {
  const mayAct = useMayAct();
  return (
    <Panel title={`Members of ${room}`} aside={<a href={routeTo("rooms", { nsp })}>Close</a>}>
      <ConnectionRows
        view="members"
        label={`Members of ${room}`}
        question={{ order: "natural", descending: false, filter: membersOf(nsp, room) }}
      />
      {mayAct && <EmitForm namespace={nsp} room={room} />}
    </Panel>
  );
}

export function Rooms(): JSX.Element {
  const { nsp, room } = useRoute().params;
  const answer = useView("rooms");
  return (
    <>
      <h1>Rooms{nsp === undefined ? "" : ` of ${nsp}`}</h1>
      {nsp !== undefined && (
        <p>
          <a href={routeTo("rooms")}>All namespaces</a>
        </p>
      )}
      {nsp !== undefined && room !== undefined && <Members nsp={nsp} room={room} />}
      <Answered answer={answer}>{(view) => <Tables view={view} nsp={nsp} />}</Answered>
    </>
  );
}
