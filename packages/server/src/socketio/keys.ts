/*
 * Keys of members that the files of this layer share and programs do not see. A string could collide with a program's own
 * member (`io.limits = ...`); a symbol can't.
 * Adapters use the `Symbol.for()` keys, since they may belong to another copy of this package.
 */

/** @internal Member of stored sessions: the live {@link AnswerWindow}, for the same process. */
export const kAnswers = Symbol.for("portage:answers");
export const kAdmit = Symbol("admit");
/** @internal Member of servers: the engines and HTTP servers that they use. */
export const kAttached = Symbol.for("portage:attached");
export const kBroadcastsGot = Symbol.for("portage:broadcastsGot");
export const kCall = Symbol("call");
export const kClusterKeys = Symbol.for("portage:clusterKeys");
/** @internal Member of adapters that collect acknowledgements by themselves. */
export const kCollectAnswers = Symbol.for("portage:collectAnswers");
export const kCreateAdapter = Symbol("createAdapter");
export const kCustomParser = Symbol("customParser");
export const kDeliver = Symbol("deliver");
export const kDropAck = Symbol.for("portage:dropAck");
export const kDropOldestAck = Symbol.for("portage:dropOldestAck");
export const kEnd = Symbol("end");
/** @internal Member of adapters that record sessions: a session is over. */
export const kEndSession = Symbol.for("portage:endSession");
/** @internal Member of adapters that hold events: sends a socket what they hold for it. */
export const kFinishSending = Symbol.for("portage:finishSending");
/** @internal Member of adapters that hold events: sends something else after them. */
export const kSendInOrder = Symbol.for("portage:sendInOrder");
export const kEverybody = Symbol("everybody");
export const kLimits = Symbol.for("portage:limits");
export const kNamespace = Symbol("namespace");
export const kNextFlags = Symbol("nextFlags");
export const kNotifyIncoming = Symbol("notifyIncoming");
export const kReportHandlerError = Symbol.for("portage:reportHandlerError");
export const kReportLimit = Symbol("reportLimit");
/** @internal Member of adapters that report why a session can't be resumed. */
export const kResumeSession = Symbol.for("portage:resumeSession");
export const kEmitDrain = Symbol("emitDrain");
/** @internal Member of adapters that record sessions: a socket is connected. */
export const kOpenSession = Symbol.for("portage:openSession");
/** @internal Flag of broadcasts to one socket. */
export const kOneSocket = Symbol.for("portage:oneSocket");
/** @internal Member of servers: what looks at a sample of their packets; undefined for nothing. */
export const kProbe = Symbol.for("portage:probe");
export const kPort = Symbol("port");
/** @internal Member of clients: their sockets, by namespace. */
export const kSlots = Symbol.for("portage:slots");
/** @internal The pending acknowledgements of a socket; undefined until there is one. */
export const kPendingAcks = Symbol("pendingAcks");
export const kRelease = Symbol("release");
export const kReleaseEmpty = Symbol("releaseEmpty");
export const kRunListeners = Symbol("runListeners");
export const kSendEvent = Symbol("sendEvent");
export const kTakeFlags = Symbol("takeFlags");
/** @internal Member of servers: the counts that `io.stats()` reports. */
export const kTally = Symbol.for("portage:tally");
/** @internal Member of clients: whether they only read, and can't acknowledge. */
export const kReadsOnly = Symbol.for("portage:readsOnly");
export const kRecordJoin = Symbol("recordJoin");
export const kRememberExpelled = Symbol("rememberExpelled");
/** @internal Member of adapters that sign their messages, or need no signature. */
export const kGuardsItself = Symbol.for("portage:guardsItself");
/** @internal Member of adapters whose sessions other processes fetch. */
export const kWhenTaken = Symbol.for("portage:whenTaken");
/** @internal Flag of an event to one client: the trace context that is sent before it. */
export const kTraceparent = Symbol.for("portage:traceparent");
export const kYieldSession = Symbol("yieldSession");
