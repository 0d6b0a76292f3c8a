import { isIPv6 } from "node:net";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { refuseClusterOption } from "../options.ts";
import { isHost, isPort } from "./node-record.ts";

/** How the other nodes reach this one: a member of the option `links`. */
export interface RedisLinkOptions {
  /** The address to listen on. Default: the one by which this host reaches Redis. */
  host?: string;
  /** The port to listen on. Default: 0, any free one. */
  port?: number;
  /** Where other nodes connect instead, as `host` or `host:port`: behind address translation, or in a container. Default: `host`. */
  advertise?: string;
  /**
   * Encrypts the links: `key` and `cert`, as `tls.createServer()` takes them. Each node has to have a certificate that `ca` has
   * signed; names in certificates are not compared with addresses. Default of `ca`: `cert`, for one certificate that all nodes
   * share.
   */
  tls?: TlsOptions & Pick<ConnectionOptions, "checkServerIdentity" | "servername">;
}

/** What the option `links` says. Undefined: frames go over Redis alone. */
export type LinkPlan =
  | {
      readonly host: string | undefined;
      readonly port: number;
      readonly advertise: { readonly host: string; readonly port: number | undefined } | undefined;
      /** For the node that listens. */
      readonly doorTls: TlsOptions | undefined;
      /** For the node that connects. */
      readonly routeTls: ConnectionOptions | undefined;
    }
  | undefined;

/** Checks the option `links` and adds the defaults. @throws ClusterError `OPTION_INVALID` */
export function resolveLinks(given: unknown = "auto"): LinkPlan {
  if (given === "bus") return undefined;
  if (given !== "auto" && (typeof given !== "object" || given === null)) {
    refuseClusterOption("links", '"auto", "bus" or an object');
  }
  const { host, port = 0, advertise, tls }: RedisLinkOptions = given === "auto" ? {} : given;
  if (host !== undefined && !isHost(host)) refuseClusterOption("links.host", "an address or a name");
  if (port !== 0 && !isPort(port)) refuseClusterOption("links.port", "a port, or 0 for any");
  return { host, port, advertise: advertise === undefined ? undefined : parseAdvertise(advertise), ...linkTls(tls) };
}

function parseAdvertise(given: unknown): { host: string; port: number | undefined } {
  if (typeof given !== "string") refuseClusterOption("links.advertise", "a host, or host:port");
  if (isIPv6(given)) return { host: given, port: undefined };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(given) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? undefined : Number(digits);
  if (isHost(host) && (port === undefined || isPort(port))) return { host, port };
  return refuseClusterOption("links.advertise", "a host, or host:port");
}

function linkTls(tls: RedisLinkOptions["tls"]): Pick<NonNullable<LinkPlan>, "doorTls" | "routeTls"> {
  if (tls === undefined) return { doorTls: undefined, routeTls: undefined };
  if (typeof tls !== "object" || !tls?.key || !tls.cert)
    refuseClusterOption("links.tls", "an object with key and cert");
  const { checkServerIdentity = () => undefined, servername, ...context } = tls;
  const shared = { ca: context.cert, rejectUnauthorized: true, ...context } as TlsOptions;
  return {
    doorTls: { requestCert: true, ...shared },
    routeTls: {
      ...(shared as ConnectionOptions),
      checkServerIdentity,
      ...(servername !== undefined && { servername }),
    },
  };
}
