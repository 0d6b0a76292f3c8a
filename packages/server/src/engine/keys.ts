/*
 * Keys of internal members that several files use. Symbols can't collide with members that programs add
 * (`io.engine.stats = ...`).
 */

export const kWriteAnswer = Symbol("writeAnswer");
export const kAnswerPoll = Symbol("answerPoll");
export const kAnswerEmpty = Symbol("answerEmpty");
export const kAnswerPollOf = Symbol("answerPollOf");
export const kHasPoll = Symbol("hasPoll");
export const kHeartbeatPhase = Symbol("heartbeatPhase");
export const kBeat = Symbol("beat");
/** The carries whose sessions have no transport, the oldest first. */
export const kAdrift = Symbol("adrift");
/** How a session survives the death of its transport; undefined if its client does not ask for it. */
export const kCarry = Symbol("carry");
export const kChargedFrom = Symbol("chargedFrom");
export const kCarriedBy = Symbol("carriedBy");
/** Shared by all copies of this package: adapters look for it. */
export const kEngineClock = Symbol.for("portage:clock");
export const kCongestion = Symbol("congestion");
export const kContext = Symbol("context");
/** What `drain()` returned; undefined until it is called. */
/** @internal Member of engines and servers: takes the trace contexts of clients. */
export const kTraceWire = Symbol.for("portage:traceWire");
export const kDrained = Symbol("drained");
export const kHandshakes = Symbol("handshakes");
/** The link of a transport that has one. */
export const kEngineLink = Symbol("engineLink");
export const kEnqueue = Symbol("enqueue");
export const kFailSession = Symbol("failSession");
/** Applies options that may have changed. */
export const kFollowOptions = Symbol("followOptions");
export const kGate = Symbol("gate");
export const kSetSessionHandler = Symbol("setSessionHandler");
export const kHeardAt = Symbol("heardAt");
export const kTakeBack = Symbol("takeBack");
export const kTakeHandshake = Symbol("takeHandshake");
export const kTimingWheel = Symbol("timingWheel");
export const kIsAttached = Symbol("isAttached");
export const kIsRequestUnseen = Symbol("isRequestUnseen");
export const kMakeTransport = Symbol("makeTransport");
export const kNotices = Symbol("notices");
export const kOnBody = Symbol("onBody");
export const kOnPosted = Symbol("onPosted");
export const kOnPollWritable = Symbol("onPollWritable");
export const kOnPostEnd = Symbol("onPostEnd");
export const kPostReceipt = Symbol("postReceipt");
export const kOfferUpgrade = Symbol("offerUpgrade");
/** When a session opened, and how fast its client answers pings. */
export const kOpenedAt = Symbol("openedAt");
export const kPingedAt = Symbol("pingedAt");
export const kRoundTrip = Symbol("roundTrip");
/** What looks at the packets of a session. */
export const kTap = Symbol("tap");
/** Why a client was not upgraded. */
export const kUpgradeTrouble = Symbol("upgradeTrouble");
export const kParkRequest = Symbol("parkRequest");
export const kPeekRequest = Symbol("peekRequest");
export const kQueuedBytes = Symbol("queuedBytes");
export const kReceiving = Symbol("receiving");
/** The object itself, if a method is called on a proxy or on an object that inherits from it. */
export const kSelf = Symbol("self");
export const kSendPrepared = Symbol("sendPrepared");
export const kSessionDirectory = Symbol("sessionDirectory");
export const kSlowReader = Symbol("slowReader");
export const kStats = Symbol("stats");
export const kEmitGuarded = Symbol("emitGuarded");
export const kWatchQueue = Symbol("watchQueue");
export const kVerifyRequest = Symbol("verifyRequest");
export const kReportSessionLimit = Symbol("reportSessionLimit");
export const kReportRefusal = Symbol("reportRefusal");
export const kRemoveSession = Symbol("removeSession");
export const kReportUpgradeFailure = Symbol("reportUpgradeFailure");
export const kRefuseRelayed = Symbol("refuseRelayed");
/** @internal Called by hosts that pass requests to an engine without `attach()`. */
export const kHostListens = Symbol("hostListens");
/** What the option `cluster` does for the engine; undefined without the option. */
export const kRelay = Symbol("relay");
/** What {@link kRelay} was when the engine closed, until it opens again. */
export const kClosedRelay = Symbol("closedRelay");
export const kReopen = Symbol("reopen");
export const kScreenRequest = Symbol("screenRequest");
export const kReturnTime = Symbol("returnTime");
export const kShutDown = Symbol("shutDown");
export const kTransportOwner = Symbol("transportOwner");
// Handlers, called by the timing wheel, a session, or an upgrade.
export const kOnBeat = Symbol("onBeat");
export const kTakeMessage = Symbol("takeMessage");
export const kTakeDrain = Symbol("takeDrain");
export const kTakeClosing = Symbol("takeClosing");
export const kTakeEnd = Symbol("takeEnd");
export const kTakeError = Symbol("takeError");
export const kProbed = Symbol("probed");
export const kCommitted = Symbol("committed");
export const kUpgradeFailed = Symbol("upgradeFailed");
