// The result of `require`: the class WebSocket, with the other names as properties, as in
// `ws`. Names as in @types/ws.
import type { IncomingMessage } from "http";
import own = require("../dist/index.js");

declare class WebSocket extends own.WebSocket {}

declare namespace WebSocket {
  export import WebSocket = own.WebSocket;
  export import Server = own.WebSocketServer;
  export type AcceptOptions = own.AcceptOptions;
  export import acceptConnect = own.acceptConnect;
  export import acceptUpgrade = own.acceptUpgrade;
  export type AddressInfo = own.AddressInfo;
  export type BinaryType = own.BinaryType;
  export type BudgetHolder = own.BudgetHolder;
  export type CertMeta = own.CertMeta;
  export import checkConnect = own.checkConnect;
  export import checkDeflateOptions = own.checkDeflateOptions;
  export import checkUpgrade = own.checkUpgrade;
  export type ClientInfo<Request extends IncomingMessage = IncomingMessage> = own.ClientInfo<Request>;
  export type ClientOptions = own.ClientOptions;
  export type Clock = own.Clock;
  export import CloseEvent = own.CloseEvent;
  export import ConnectError = own.ConnectError;
  export type ConnectErrorCode = own.ConnectErrorCode;
  export import connectLink = own.connectLink;
  export type ConnectLinkHandler = own.ConnectLinkHandler;
  export type ConnectOffer = own.ConnectOffer;
  export type ConnectRequest = own.ConnectRequest;
  export import createWebSocketStream = own.createWebSocketStream;
  export type Data = own.Data;
  export import DEFAULT_LIMITS = own.DEFAULT_LIMITS;
  export type DeflateOptions = own.DeflateOptions;
  export import ErrorEvent = own.ErrorEvent;
  export type Event = own.Event;
  export type EventListenerOptions = own.EventListenerOptions;
  export type FinishRequestCallback = own.FinishRequestCallback;
  export import frameBinary = own.frameBinary;
  export import frameText = own.frameText;
  export import isValidCloseCode = own.isValidCloseCode;
  export type Limits = own.Limits;
  export type LinkClose = own.LinkClose;
  export type LinkHandler = own.LinkHandler;
  export import MessageEvent = own.MessageEvent;
  export import OptionError = own.OptionError;
  export type PerMessageDeflateOptions = own.PerMessageDeflateOptions;
  export type RawData = own.RawData;
  export import ReceiveBudget = own.ReceiveBudget;
  export type RefusalCode = own.RefusalCode;
  export import refuseConnect = own.refuseConnect;
  export import refuseUpgrade = own.refuseUpgrade;
  export import RequestError = own.RequestError;
  export type Sendable = own.Sendable;
  export type SendOptions = own.SendOptions;
  export type ServerEvents<Socket = own.WebSocket, Request = IncomingMessage> = own.ServerEvents<Socket, Request>;
  export type ServerOptions<
    SocketClass extends typeof own.WebSocket = typeof own.WebSocket,
    RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  > = own.ServerOptions<SocketClass, RequestClass>;
  export import systemClock = own.systemClock;
  export type UpgradeKey = own.UpgradeKey;
  export type UpgradeRefusal = own.UpgradeRefusal;
  export import UsageError = own.UsageError;
  export type UsageErrorCode = own.UsageErrorCode;
  export type VerifyCallback = own.VerifyCallback;
  export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    own.VerifyClientCallbackAsync<Request>;
  export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    own.VerifyClientCallbackSync<Request>;
  export type ViolationCode = own.ViolationCode;
  export import VIOLATIONS = own.VIOLATIONS;
  export import WebSocketError = own.WebSocketError;
  export import WebSocketEvent = own.WebSocketEvent;
  export type WebSocketEventMap = own.WebSocketEventMap;
  export type WebSocketEvents = own.WebSocketEvents;
  export type WebSocketLink = own.WebSocketLink;
  export type WebSocketOptions = own.WebSocketOptions;
  export import WebSocketServer = own.WebSocketServer;
  export type WriteCallback = own.WriteCallback;
  export import parseProtocols = own.parseProtocols;
}

export = WebSocket;
