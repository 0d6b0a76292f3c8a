import type { Code } from "./codes.ts";

/** Where something is to be changed. */
export type Place = "server" | "client" | "network" | "nginx" | "haproxy" | "apache" | "balancer" | "proxy";

/** One change that would help. */
export interface Advised {
  readonly where: Place;
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
  at("balancer", "use a listener for HTTP or TCP that knows WebSocket (on AWS: an Application Load Balancer)"),
];

const BUFFERING = [
  at("nginx", "proxy_buffering off; for this location"),
  at("apache", "no mod_buffer for this location, and flushpackets=on in the ProxyPass line"),
  at("proxy", "switch off whatever buffers, scans or compresses answers for this path"),
];

const GATEWAY = [
  at("server", "check that it runs, and that it listens on the address that the proxy uses"),
  at("proxy", "check the address and port of its upstream; its error log says what it met"),
];

const IDLE = [
  at("server", "set pingInterval below that, to {suggestion} ms say: the pings keep the connection alive"),
  at("nginx", "raise proxy_read_timeout and proxy_send_timeout above the pingInterval"),
  at("haproxy", "raise `timeout tunnel`, `timeout client` and `timeout server` above the pingInterval"),
  at("balancer", "raise the idle timeout above the pingInterval"),
];

const STICKY = [
  at("nginx", "ip_hash; (or hash $remote_addr consistent;) in the upstream block"),
  at("haproxy", "`balance source`, or `cookie SERVERID insert indirect nocache` and clients with withCredentials"),
  at("balancer", "switch stickiness on (a cookie of the balancer's own, or the address of the client)"),
  at("server", "in a cluster on one machine: a sticky listener that hands connections on by session id"),
  at("client", 'or do without polling: transports: ["websocket"]'),
];

const CORS = [
  at("server", 'new Server(httpServer, { cors: { origin: "{origin}", credentials: true } })'),
  at("proxy", "pass the headers of OPTIONS requests and answers on as they are"),
];

/** What to change for each finding that calls for a change. Names in braces are replaced by the facts of the finding. */
export const ADVICE: Partial<Record<Code, readonly Advised[]>> = {
  ADDRESS_UNKNOWN: [at("network", "check the spelling of the host, and its DNS records")],
  TCP_PARTLY: [
    at(
      "network",
      "remove the DNS record of {dead}, or let the server listen there: clients that try it first lose time",
    ),
  ],
  TCP_REFUSED: [
    at("server", "check that it runs, and listens on port {port} of an address that others can reach"),
    at("network", "check the port in the URL, and the ports that a container publishes"),
  ],
  TCP_TIMEOUT: [at("network", "a firewall or security group drops the packets: let port {port} in")],
  TCP_FAILED: [at("network", "check the route to {address}, and the firewalls on it")],
  TLS_EXPIRES_SOON: [at("server", "renew the certificate")],
  TLS_UNTRUSTED: [
    at("server", "install a certificate for this host with its whole chain (fullchain.pem, not cert.pem)"),
    at("client", "for an authority of your own: NODE_EXTRA_CA_CERTS in Node, a profile or policy in browsers"),
  ],
  TLS_NOT_SPOKEN: [at("client", "use http:// for this port, or the port that speaks TLS")],
  TLS_EXPECTED: [at("client", "use https:// in the URL")],
  NO_UPGRADE_OFFERED: [at("server", 'allowUpgrades: true, and "websocket" among the transports')],
  REDIRECTED: [at("client", "connect to {to}: clients do not follow redirections, least of all with WebSocket")],
  REDIRECTED_TO_TLS: [
    at("client", "use https:// in the URL: browsers do not follow redirections of a POST or a WebSocket"),
  ],
  REDIRECT_LOOP: [
    at("proxy", "tell the server behind that TLS ended here (X-Forwarded-Proto), or do not redirect this path"),
  ],
  PATH_ELSEWHERE: [
    at("client", 'io(url, { path: "{found}" })'),
    at("proxy", "or do not change the path: in nginx, no URI behind the host in proxy_pass"),
  ],
  PATH_UNKNOWN: [
    at("client", "name the server's path: io(url, { path }), and --path here"),
    at("proxy", "send this path to the Socket.IO server, unchanged, before the rule that sends pages"),
    at("server", "check that the server is attached to the HTTP server that listens, and its option path"),
  ],
  EIO3_ONLY: [
    at("server", "replace it by a current one; allowEIO3: true keeps its old clients connected"),
    at("client", "until then, socket.io-client 2"),
  ],
  EIO4_REFUSED: [at("client", "use a client of the generation of the server, or replace the server by a current one")],
  POLLING_OFF: [
    at("client", 'transports: ["websocket"], since the default begins with polling'),
    at("server", 'or transports: ["polling", "websocket"]'),
  ],
  HANDSHAKE_FORBIDDEN: [
    at("server", "allowRequest or a middleware of the engine refuses; give what it asks for with --header here"),
    at("proxy", "or a firewall for web applications does: let this path through"),
  ],
  HANDSHAKE_BAD_GATEWAY: GATEWAY,
  HANDSHAKE_REFUSED: [at("server", "look for this status in the logs of the server, then of the proxies before it")],
  HANDSHAKE_TIMEOUT: [
    at("server", "check that its event loop is not blocked, and that a middleware or allowRequest calls back"),
    ...BUFFERING,
  ],
  HANDSHAKE_CUT: [at("proxy", "something on the way ends connections: look for this address in its log")],
  STICKY_BY_COOKIE: [
    at("client", "withCredentials: true, and in Node a client that keeps cookies"),
    at("server", 'cors: { credentials: true, origin: "..." } for pages of other origins'),
  ],
  NOT_STICKY: STICKY,
  CORS_MISSING: CORS,
  CORS_OTHER_ORIGIN: CORS,
  CORS_DOUBLED: [
    at("proxy", "leave the CORS headers to one of both: remove add_header Access-Control-* here"),
    at("server", "or remove the option cors"),
  ],
  CORS_NO_CREDENTIALS: [at("server", 'if cookies are wanted: cors: { origin: "{origin}", credentials: true }')],
  CORS_PREFLIGHT_REFUSED: CORS,
  POST_FAILED: [at("proxy", "let POST requests through to this path, and do not cache it")],
  POST_BLOCKED: [at("proxy", "allow several requests of one client at a time")],
  POLL_FAILED: [at("proxy", "let GET requests of this path through, and do not cache them")],
  RESPONSE_HELD_BACK: BUFFERING,
  RESPONSE_SWALLOWED: BUFFERING,
  NAMESPACE_REFUSED: [at("client", "give what the application asks for, with --header here")],
  BODY_LIMITED: [
    at(
      "nginx",
      "client_max_body_size {maxPayload}; for this location (or, with status 500, a client_body_temp_path it can write to)",
    ),
    at("apache", "LimitRequestBody {maxPayload}"),
    at("proxy", "raise the greatest request body to {maxPayload} bytes"),
    at("server", "or lower maxHttpBufferSize to {passed}, so that clients split what they send"),
  ],
  BODY_CUT: [
    at("proxy", "raise the greatest request body to {maxPayload} bytes"),
    at("server", "or lower maxHttpBufferSize to {passed}, so that clients split what they send"),
  ],
  COMPRESSION_BROKEN: [
    at("proxy", "pass Content-Encoding on together with the body, or switch compression off for this path"),
    at("server", "or httpCompression: false"),
  ],
  HANDSHAKE_BY_HTTP_1_0: [at("nginx", "proxy_http_version 1.1; for this location")],
  WEBSOCKET_OFF: [at("server", 'transports: ["polling", "websocket"]')],
  WEBSOCKET_STRIPPED: UPGRADE_HEADERS,
  WEBSOCKET_UPGRADE_REQUIRED: UPGRADE_HEADERS,
  WEBSOCKET_FORBIDDEN: [
    at("server", "allowRequest, a middleware or a check of the Origin header refuses; see --origin and --header"),
    at("proxy", "or a firewall for web applications does: allow WebSocket for this path"),
  ],
  WEBSOCKET_BAD_GATEWAY: GATEWAY,
  WEBSOCKET_REFUSED: UPGRADE_HEADERS,
  WEBSOCKET_TIMEOUT: UPGRADE_HEADERS,
  WEBSOCKET_CUT: UPGRADE_HEADERS,
  WEBSOCKET_SILENT: [at("proxy", "pass bytes on as they come once the answer is 101; do not scan or buffer them")],
  WEBSOCKET_MESSAGE_CUT: [at("proxy", "raise its greatest WebSocket message to {maxPayload} bytes")],
  UPGRADE_NOT_STICKY: STICKY,
  UPGRADE_FAILED: UPGRADE_HEADERS,
  POLL_CUT: IDLE,
  WEBSOCKET_IDLE_CUT: IDLE,
  SESSION_CLOSED: [
    at("server", "if that was not wanted: connectTimeout, pingInterval and pingTimeout say when it does"),
  ],
};
