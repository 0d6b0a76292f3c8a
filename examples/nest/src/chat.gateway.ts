import { Inject } from "@nestjs/common";
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from "@nestjs/websockets";
import type { Namespace, Socket } from "@portage/server";
import { RoomsService } from "./rooms.service.js";

interface Message {
  readonly room: string;
  readonly text: string;
}

/** Rooms and messages, in a separate namespace. */
@WebSocketGateway({ namespace: "chat" })
export class ChatGateway implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer()
  private readonly chat!: Namespace;
  private readonly rooms: RoomsService;

  constructor(@Inject(RoomsService) rooms: RoomsService) {
    this.rooms = rooms;
  }

  handleConnection(socket: Socket): void {
    socket.emit("rooms", this.rooms.names());
  }

  handleDisconnect(socket: Socket): void {
    this.rooms.leaveAll(socket.id);
  }

  /** The returned value is the acknowledgement. */
  @SubscribeMessage("join")
  async join(@MessageBody() room: string, @ConnectedSocket() socket: Socket): Promise<{ members: number }> {
    if (!this.rooms.has(room)) throw new WsException("There is no such room.");
    await socket.join(room);
    return { members: this.rooms.join(room, socket.id) };
  }

  @SubscribeMessage("say")
  say(@MessageBody() { room, text }: Message, @ConnectedSocket() socket: Socket): boolean {
    if (!socket.rooms.has(room) || typeof text !== "string") throw new WsException("Join the room first.");
    this.chat.to(room).emit("message", { room, text: text.slice(0, 500), from: socket.id });
    return true;
  }
}
