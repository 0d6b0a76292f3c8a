import { lookup } from "node:dns/promises";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";

const DAY = 86_400_000;

/** A certificate that expires in fewer days is worth a note. */
const FEW_DAYS = 14;

const LOOPBACK = /^(127\.|::1$)/;

interface TcpAttempt {
  readonly address: string;
  /** Undefined if the connection opened. */
  readonly failure: string | undefined;
  readonly ms: number;
}

/** DNS: does the host have addresses? */
export const address: Step = {
  name: "address",
  title: "Looking up the host",
  async run(context) {
    const { host } = context;
    try {
      const found = await lookup(host, { all: true });
      return [finding("ADDRESS_FOUND", { host, addresses: found.map(({ address }) => address).join(" and ") })];
    } catch (error) {
      return [finding("ADDRESS_UNKNOWN", { host, failure: codeOf(error) })];
    }
  },
};

/** TCP: does every address accept connections? */
export const connection: Step = {
  name: "connection",
  title: "Opening a TCP connection",
  async run(context) {
    const { port } = context;
    const addresses = await lookup(context.host, { all: true });
    const attempts = await Promise.all(addresses.map(({ address }) => tryAddress(context, address)));
    const open = attempts.find(({ failure }) => failure === undefined);
    const dead = attempts.find(({ failure }) => failure !== undefined);
    if (open === undefined) return [explainTcpFailure(port, attempts[0] as TcpAttempt)];
    context.roundTrip = open.ms;
    const findings = [finding("TCP_OPEN", { address: open.address, port, ms: open.ms })];
    if (dead === undefined) return findings;
    const code = LOOPBACK.test(dead.address) ? "TCP_PARTLY_LOOPBACK" : "TCP_PARTLY";
    const facts = { dead: dead.address, address: open.address, port, failure: String(dead.failure) };
    return [...findings, finding(code, facts)];
  },
};

function explainTcpFailure(port: number, { address, failure = "", ms }: TcpAttempt): Finding {
  if (failure === "ECONNREFUSED") return finding("TCP_REFUSED", { address, port });
  if (failure === "ETIMEDOUT") return finding("TCP_TIMEOUT", { address, port, ms });
  return finding("TCP_FAILED", { address, port, failure });
}

function tryAddress(context: Context, address: string): Promise<TcpAttempt> {
  const { clock } = context;
  const started = clock.now();
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port: context.port });
    const timer = clock.after(context.timeout, () => settle("ETIMEDOUT"));
    const settle = (failure: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve({ address, failure, ms: Math.round(clock.now() - started) });
    };
    socket.once("connect", () => settle(undefined));
    socket.on("error", (error) => settle(codeOf(error)));
  });
}

/** TLS: does the port speak it, and do clients trust the certificate? */
export const tls: Step = {
  name: "tls",
  title: "Shaking hands over TLS",
  applies: (context) => context.isSecure,
  run(context) {
    const { clock, host, port } = context;
    return new Promise((resolve) => {
      const servername = /^[\d.]+$|:/.test(host) ? "" : host;
      const socket = connectTls({ host, port, servername, rejectUnauthorized: false });
      const timer = clock.after(context.timeout, () => settle(finding("TLS_NOT_SPOKEN", { port, failure: "timeout" })));
      const settle = (...findings: Finding[]): void => {
        timer.cancel();
        socket.destroy();
        resolve(findings);
      };
      socket.once("secureConnect", () => settle(judgeCertificate(socket)));
      socket.on("error", (error) => settle(finding("TLS_NOT_SPOKEN", { port, failure: codeOf(error) })));
    });
  },
};

function judgeCertificate(socket: TLSSocket): Finding {
  const certificate: Partial<DetailedPeerCertificate> = socket.getPeerCertificate(true);
  if (!socket.authorized) return finding("TLS_UNTRUSTED", { failure: String(socket.authorizationError) });
  const days = Math.floor((Date.parse(certificate.valid_to ?? "") - Date.now()) / DAY);
  return finding(days < FEW_DAYS ? "TLS_EXPIRES_SOON" : "TLS_OK", { protocol: socket.getProtocol() ?? "TLS", days });
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
