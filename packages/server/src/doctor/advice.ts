import type { Code } from "./codes.ts";

/** The component to change. */
export type Place = "server" | "client" | "network" | "nginx" | "haproxy" | "apache" | "balancer" | "proxy";

/** One change that may help. */
export interface Advised {
  /** The component to change. */
  readonly where: Place;
  /** The change, as a sentence. */
  readonly what: string;
}

const at = (where: Place, what: string): Advised => ({ where, what });

const UPGRADE_HEADERS = [
  at(
    "nginx",
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; for this location',
  ),
  at("haproxy", "mode http, and no `option httpclose` or `http-request del-header Upgrade` for this backend"),
  at("apache", "load mod_proxy_wstunnel, and add `upgrade=websocket` to the ProxyPass line"),
  at("balancer", "use a listener for HTTP or TCP that supports WebSocket (on AWS: an Application Load Balancer)"),
];

const BUFFERING = [
  at("nginx", "proxy_buffering off; for this location"),
  at("apache", "no mod_buffer for this location, and flushpackets=on in the ProxyPass line"),
  at("proxy", "switch off buffering, scanning and compression of answers for this path"),
];

const GATEWAY = [
  at("server", "check that it runs, and that it listens on the address that the proxy uses"),
  at("proxy", "check the address and port of its upstream, and its error log"),
];

const IDLE = [
  at("server", "set pingInterval below that, for example to {suggestion} ms: pings keep the connection alive"),
  at("nginx", "raise proxy_read_timeout and proxy_send_timeout above the pingInterval"),
  at("haproxy", "raise `timeout tunnel`, `timeout client` and `timeout server` above the pingInterval"),
  at("balancer", "raise the idle timeout above the pingInterval"),
];

const STICKY = [
  at("nginx", "ip_hash; (or hash $remote_addr consistent;) in the upstream block"),
  at("haproxy", "`balance source`, or `cookie SERVERID insert indirect nocache` and clients with withCredentials"),
  at("balancer", "switch on sticky sessions (by a cookie of the balancer, or by client address)"),
  at("server", "in a cluster on one machine: use a sticky listener that assigns connections by session id"),
  at("client", 'or connect without polling: transports: ["websocket"]'),
];

const CORS = [
  at("server", 'new Server(httpServer, { cors: { origin: "{origin}", credentials: true } })'),
  at("proxy", "pass the headers of OPTIONS requests and answers unchanged"),
];

/** The changes to make for each finding, as templates: the facts of the finding replace the names in braces. */
export const ADVICE: Partial<Record<Code, readonly Advised[]>> = {
  ADDRESS_UNKNOWN: [at("network", "check the spelling of the host, and its DNS records")],
  TCP_PARTLY: [
    at(
      "network",
      "remove the DNS record of {dead}, or make the server listen there: clients that try it first lose time",
    ),
  ],
  TCP_REFUSED: [
    at("server", "check that it runs, and listens on port {port} of an address that others can reach"),
    at("network", "check the port in the URL, and the ports that a container publishes"),
  ],
  TCP_TIMEOUT: [at("network", "a firewall or security group drops the packets: open port {port}")],
  TCP_FAILED: [at("network", "check the route to {address}, and the firewalls on it")],
  TLS_EXPIRES_SOON: [at("server", "renew the certificate")],
  TLS_UNTRUSTED: [
    at("server", "install a certificate for this host with its whole chain (fullchain.pem, not cert.pem)"),
    at("client", "for your own authority: set NODE_EXTRA_CA_CERTS in Node, a profile or policy in browsers"),
  ],
  TLS_NOT_SPOKEN: [at("client", "use http:// for this port, or the port that speaks TLS")],
  TLS_EXPECTED: [at("client", "use https:// in the URL")],
  NO_UPGRADE_OFFERED: [at("server", 'set allowUpgrades: true, and have "websocket" in transports')],
  REDIRECTED: [at("client", "connect to {to}: clients do not follow redirects")],
  REDIRECTED_TO_TLS: [
    at("client", "use https:// in the URL: browsers do not follow redirects of a POST or a WebSocket"),
  ],
  REDIRECT_LOOP: [
    at("proxy", "set X-Forwarded-Proto, so that the server knows that TLS ended here, or do not redirect this path"),
  ],
  PATH_ELSEWHERE: [
    at("client", 'io(url, { path: "{found}" })'),
    at("proxy", "or do not change the path: in nginx, use proxy_pass without a URI after the host"),
  ],
  PATH_UNKNOWN: [
    at("client", "set the server's path: io(url, { path }), and --path for this command"),
    at("proxy", "forward this path to the Socket.IO server, unchanged, before the rule that serves pages"),
    at("server", "check that the server is attached to the HTTP server that listens, and its option path"),
  ],
  EIO3_ONLY: [
    at("server", "replace it by a current server; allowEIO3: true keeps old clients working"),
    at("client", "until then, use socket.io-client 2"),
  ],
  EIO4_REFUSED: [
    at("client", "use a client of the same generation as the server, or replace the server by a current one"),
  ],
  POLLING_OFF: [
    at("client", 'set transports: ["websocket"], since the default starts with polling'),
    at("server", 'or set transports: ["polling", "websocket"]'),
  ],
  HANDSHAKE_FORBIDDEN: [
    at("server", "allowRequest or an engine middleware refuses: pass the credentials with --header"),
    at("proxy", "or a web application firewall refuses: allow this path"),
  ],
  HANDSHAKE_BAD_GATEWAY: GATEWAY,
  HANDSHAKE_REFUSED: [
    at("server", "search for this status in the log of the server, then in the logs of the proxies before it"),
  ],
  HANDSHAKE_TIMEOUT: [
    at("server", "check that its event loop is not blocked, and that each middleware and allowRequest calls back"),
    ...BUFFERING,
  ],
  HANDSHAKE_CUT: [at("proxy", "a proxy on the way ends the connection: search for this address in its log")],
  STICKY_BY_COOKIE: [
    at("client", "set withCredentials: true; in Node, use a client that stores cookies"),
    at("server", 'set cors: { credentials: true, origin: "..." } for pages of other origins'),
  ],
  NOT_STICKY: STICKY,
  CORS_MISSING: CORS,
  CORS_OTHER_ORIGIN: CORS,
  CORS_DOUBLED: [
    at("proxy", "only one of both may set CORS headers: remove add_header Access-Control-* here"),
    at("server", "or remove the option cors"),
  ],
  CORS_NO_CREDENTIALS: [at("server", 'if you need cookies: set cors: { origin: "{origin}", credentials: true }')],
  CORS_PREFLIGHT_REFUSED: CORS,
  POST_FAILED: [at("proxy", "allow POST requests to this path, and do not cache their answers")],
  POST_BLOCKED: [at("proxy", "allow several simultaneous requests of one client")],
  POLL_FAILED: [at("proxy", "allow GET requests to this path, and do not cache their answers")],
  RESPONSE_HELD_BACK: BUFFERING,
  RESPONSE_SWALLOWED: BUFFERING,
  STREAM_HELD_BACK: [
    at("haproxy", "`option http-no-delay` for this backend"),
    at("nginx", "no `proxy_ignore_headers X-Accel-Buffering`, and no gzip of text/event-stream, for this location"),
    ...BUFFERING,
    at("network", "exempt this host from the scanning of downloads"),
  ],
  NAMESPACE_REFUSED: [at("client", "pass the credentials that the application wants with --header")],
  BODY_LIMITED: [
    at(
      "nginx",
      "client_max_body_size {maxPayload}; for this location (with status 500: a writable client_body_temp_path)",
    ),
    at("apache", "LimitRequestBody {maxPayload}"),
    at("proxy", "raise the limit of request bodies to {maxPayload} bytes"),
    at("server", "or lower maxHttpBufferSize to {passed}, so that clients split their payloads"),
  ],
  BODY_CUT: [
    at("proxy", "raise the limit of request bodies to {maxPayload} bytes"),
    at("server", "or lower maxHttpBufferSize to {passed}, so that clients split their payloads"),
  ],
  COMPRESSION_BROKEN: [
    at("proxy", "pass Content-Encoding together with the body, or switch off compression for this path"),
    at("server", "or set httpCompression: false"),
  ],
  HANDSHAKE_BY_HTTP_1_0: [at("nginx", "proxy_http_version 1.1; for this location")],
  WEBSOCKET_OFF: [at("server", 'set transports: ["polling", "websocket"]')],
  WEBSOCKET_STRIPPED: UPGRADE_HEADERS,
  WEBSOCKET_UPGRADE_REQUIRED: UPGRADE_HEADERS,
  WEBSOCKET_FORBIDDEN: [
    at("server", "allowRequest, a middleware or a check of the Origin header refuses: see --origin and --header"),
    at("proxy", "or a web application firewall refuses: allow WebSocket for this path"),
  ],
  WEBSOCKET_BAD_GATEWAY: GATEWAY,
  WEBSOCKET_REFUSED: UPGRADE_HEADERS,
  WEBSOCKET_TIMEOUT: UPGRADE_HEADERS,
  WEBSOCKET_CUT: UPGRADE_HEADERS,
  WEBSOCKET_SILENT: [at("proxy", "after the answer 101, pass bytes at once; do not scan or buffer them")],
  WEBSOCKET_MESSAGE_CUT: [at("proxy", "raise the limit of WebSocket messages to {maxPayload} bytes")],
  UPGRADE_NOT_STICKY: STICKY,
  UPGRADE_FAILED: UPGRADE_HEADERS,
  HTTP2_WEBSOCKET_REFUSED: [
    at("server", "remove `enableConnectProtocol` from the settings of the HTTP/2 server"),
    at("server", "or attach Portage to that server, without the option `wsEngine`"),
    at("haproxy", "h2-workaround-bogus-websocket-clients in the global section: browsers use HTTP/1.1 then"),
    at("proxy", "switch WebSocket over HTTP/2 (RFC 8441) off, or on up to the server"),
  ],
  HTTP2_FAILED: [at("proxy", "check its HTTP/2 settings and its error log, or switch HTTP/2 off")],
  POLL_CUT: IDLE,
  WEBSOCKET_IDLE_CUT: IDLE,
  SESSION_CLOSED: [at("server", "if you do not want that: see connectTimeout, pingInterval and pingTimeout")],
};
