// What `require` gives: the class WebSocket, with the other names on it, as `ws` has them. The names are those of @types/ws.
import own = require("../dist/index.js");

declare class WebSocket extends own.WebSocket {}

declare namespace WebSocket {
  export import WebSocket = own.WebSocket;
  export import Server = own.WebSocketServer;
  export import AcceptOptions = own.AcceptOptions;
  export import acceptUpgrade = own.acceptUpgrade;
  export import AddressInfo = own.AddressInfo;
  export import BinaryType = own.BinaryType;
  export import BudgetHolder = own.BudgetHolder;
  export import CertMeta = own.CertMeta;
  export import checkDeflateOptions = own.checkDeflateOptions;
  export import checkUpgrade = own.checkUpgrade;
  export import ClientInfo = own.ClientInfo;
  export import ClientOptions = own.ClientOptions;
  export import Clock = own.Clock;
  export import CloseEvent = own.CloseEvent;
  export import ConnectError = own.ConnectError;
  export import ConnectErrorCode = own.ConnectErrorCode;
  export import createWebSocketStream = own.createWebSocketStream;
  export import Data = own.Data;
  export import DEFAULT_LIMITS = own.DEFAULT_LIMITS;
  export import DeflateOptions = own.DeflateOptions;
  export import ErrorEvent = own.ErrorEvent;
  export import Event = own.Event;
  export import EventListenerOptions = own.EventListenerOptions;
  export import FinishRequestCallback = own.FinishRequestCallback;
  export import frameBinary = own.frameBinary;
  export import frameText = own.frameText;
  export import isValidCloseCode = own.isValidCloseCode;
  export import Limits = own.Limits;
  export import LinkClose = own.LinkClose;
  export import LinkHandler = own.LinkHandler;
  export import MessageEvent = own.MessageEvent;
  export import OptionError = own.OptionError;
  export import PerMessageDeflateOptions = own.PerMessageDeflateOptions;
  export import RawData = own.RawData;
  export import ReceiveBudget = own.ReceiveBudget;
  export import RefusalCode = own.RefusalCode;
  export import refuseUpgrade = own.refuseUpgrade;
  export import RequestError = own.RequestError;
  export import Sendable = own.Sendable;
  export import SendOptions = own.SendOptions;
  export import ServerEvents = own.ServerEvents;
  export import ServerOptions = own.ServerOptions;
  export import systemClock = own.systemClock;
  export import UpgradeKey = own.UpgradeKey;
  export import UpgradeRefusal = own.UpgradeRefusal;
  export import UsageError = own.UsageError;
  export import UsageErrorCode = own.UsageErrorCode;
  export import VerifyCallback = own.VerifyCallback;
  export import VerifyClientCallbackAsync = own.VerifyClientCallbackAsync;
  export import VerifyClientCallbackSync = own.VerifyClientCallbackSync;
  export import ViolationCode = own.ViolationCode;
  export import VIOLATIONS = own.VIOLATIONS;
  export import WebSocketError = own.WebSocketError;
  export import WebSocketEvent = own.WebSocketEvent;
  export import WebSocketEventMap = own.WebSocketEventMap;
  export import WebSocketEvents = own.WebSocketEvents;
  export import WebSocketLink = own.WebSocketLink;
  export import WebSocketOptions = own.WebSocketOptions;
  export import WebSocketServer = own.WebSocketServer;
  export import WriteCallback = own.WriteCallback;
  export import parseProtocols = own.parseProtocols;
}

export = WebSocket;
