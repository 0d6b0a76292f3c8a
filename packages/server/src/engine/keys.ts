/*
 * Keys of members that the files of this package share and programs do not see. A string name here could be one that a
 * program gives to a member of its own (`io.engine.stats = ...`); a symbol can't.
 */

export const kAnswer = Symbol("answer");
export const kAnswerPoll = Symbol("answerPoll");
export const kAwaits = Symbol("awaits");
export const kBeat = Symbol("beat");
export const kChargedFrom = Symbol("chargedFrom");
export const kCarriedBy = Symbol("carriedBy");
/** Shared by all copies of this package: adapters look for it. */
export const kClock = Symbol.for("portage:clock");
export const kCongestion = Symbol("congestion");
export const kContext = Symbol("context");
export const kEnqueue = Symbol("enqueue");
export const kFail = Symbol("fail");
/** Looks at options that may have been changed. */
export const kFollow = Symbol("follow");
export const kGate = Symbol("gate");
export const kHandle = Symbol("handle");
export const kHeardAt = Symbol("heardAt");
export const kHeartbeat = Symbol("heartbeat");
export const kIsAttached = Symbol("isAttached");
export const kIsRequestUnseen = Symbol("isRequestUnseen");
export const kMakeTransport = Symbol("makeTransport");
export const kNotices = Symbol("notices");
export const kOnBody = Symbol("onBody");
export const kOnPosted = Symbol("onPosted");
export const kOnPostEnd = Symbol("onPostEnd");
export const kOfferUpgrade = Symbol("offerUpgrade");
export const kParkRequest = Symbol("parkRequest");
export const kPeekRequest = Symbol("peekRequest");
export const kQueuedBytes = Symbol("queuedBytes");
export const kReceiving = Symbol("receiving");
/** The object itself, where a method may be called on a proxy of it or on an object made from it. */
export const kSelf = Symbol("self");
export const kSendPrepared = Symbol("sendPrepared");
export const kSessions = Symbol("sessions");
export const kSlowReader = Symbol("slowReader");
export const kStats = Symbol("stats");
export const kTell = Symbol("tell");
export const kWatchQueue = Symbol("watchQueue");
export const kCheck = Symbol("check");
export const kOnLimit = Symbol("onLimit");
export const kOnRefused = Symbol("onRefused");
export const kOnSessionClose = Symbol("onSessionClose");
export const kOnUpgradeFailed = Symbol("onUpgradeFailed");
export const kReopen = Symbol("reopen");
export const kScreen = Symbol("screen");
export const kShutDown = Symbol("shutDown");
export const kHandler = Symbol("handler");
// What the layer above, the timing wheel and the upgrade call of those that have asked for it.
export const kOnBeat = Symbol("onBeat");
export const kTakeMessage = Symbol("takeMessage");
export const kTakeDrain = Symbol("takeDrain");
export const kTakeClosing = Symbol("takeClosing");
export const kTakeEnd = Symbol("takeEnd");
export const kTakeError = Symbol("takeError");
export const kProbed = Symbol("probed");
export const kCommitted = Symbol("committed");
export const kUpgradeFailed = Symbol("upgradeFailed");
