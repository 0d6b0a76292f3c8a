/*
 * The life of a tunnel, the same at both ends: what each signal does in each phase. Walked cell by cell in the tests.
 *
 * A direction ends by FIN; the other one goes on. RESET ends both, whatever was under way. An end that is `over` has left the
 * table of its link: frames that the peer sent before it knew are ignored there.
 */

/**
 * - `open`: bytes go both ways
 * - `sent`: FIN was sent, bytes still arrive
 * - `received`: FIN was received, bytes are still sent
 * - `over`: both directions have ended, or the tunnel was reset
 */
export type TunnelPhase = "open" | "sent" | "received" | "over";

/** What can happen: the stream here ends its side or closes, the peer sends a frame, the link closes. */
export type TunnelSignal = "ended" | "closed" | "FIN" | "RESET" | "lost";

export type TunnelAction =
  | "send FIN"
  | "send RESET"
  /** Ends the writable side of the stream here. */
  | "end"
  /** Cuts the stream here. */
  | "cut"
  /** Cuts it once what was received before FIN has left. */
  | "cut when sent"
  /** The peer broke the rules of frames. */
  | "fail"
  | "ignore";

type TunnelCell = readonly [next: TunnelPhase, action: TunnelAction];

export const TUNNEL_TABLE: Readonly<Record<TunnelPhase, Readonly<Record<TunnelSignal, TunnelCell>>>> = {
  open: {
    ended: ["sent", "send FIN"],
    closed: ["over", "send RESET"],
    FIN: ["received", "end"],
    RESET: ["over", "cut"],
    lost: ["over", "cut"],
  },
  sent: {
    ended: ["sent", "ignore"],
    closed: ["over", "send RESET"],
    FIN: ["over", "end"],
    RESET: ["over", "cut"],
    lost: ["over", "cut"],
  },
  received: {
    ended: ["over", "send FIN"],
    closed: ["over", "send RESET"],
    FIN: ["received", "fail"],
    RESET: ["over", "cut when sent"],
    lost: ["over", "cut when sent"],
  },
  over: {
    ended: ["over", "ignore"],
    closed: ["over", "ignore"],
    FIN: ["over", "ignore"],
    RESET: ["over", "ignore"],
    lost: ["over", "ignore"],
  },
};

/** Why an end was reset: the body of RESET. */
export const RESET_CODE = { closed: 0, broken: 1 } as const;

export type TunnelResetCode = keyof typeof RESET_CODE;

const BODIES: Readonly<Record<TunnelResetCode, Buffer>> = {
  closed: Buffer.from([RESET_CODE.closed]),
  broken: Buffer.from([RESET_CODE.broken]),
};

/** The body of a RESET frame. */
export const resetBody = (code: TunnelResetCode): Buffer => BODIES[code];

/** Reads the body of a RESET frame. Unknown codes of later versions mean `broken`. */
export const readReset = (body: Buffer): TunnelResetCode => (body[0] === RESET_CODE.closed ? "closed" : "broken");
