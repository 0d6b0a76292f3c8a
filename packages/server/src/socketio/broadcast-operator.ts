import { PacketType } from "@portage/parser/socket";
import { AckCollector } from "./acks.ts";
import type { Adapter, BroadcastFlags, BroadcastOptions, Room, SocketId } from "./adapter/adapter.ts";
import type { AdapterPacket, AdapterNamespace } from "./adapter/surface.ts";
import { type Clock, systemClock } from "../clock.ts";
import { ReservedEventError, SOCKET_RESERVED_EVENTS, type AckTimeoutError } from "./errors.ts";
import { RemoteSocket, type SocketDetails } from "./remote-socket.ts";
