import { findProxy, type ProxyProgram } from "../support/servers/real-proxies.ts";
import type { TestServer } from "../support/servers/server-process.ts";

const nginx = await findProxy("nginx");
const haproxy = await findProxy("haproxy");

type Balancing = "haproxy roundrobin" | "haproxy random" | "nginx" | "nginx least_conn" | "haproxy with checks";

/** A balancer without sticky sessions, which repeats a GET that a dying node has not answered. */
export interface Balancer {
  readonly name: Balancing;
  readonly program: ProxyProgram | undefined;
  readonly configuration: (port: number, upstreams: readonly number[]) => string;
}

/** Nodes that do not answer get nothing more, and nor do nodes that answer 404. */
const CHECKS = `
  option httpchk GET /health
  http-check disable-on-404
  default-server check inter 500 fall 2 rise 1 on-marked-down shutdown-sessions`;

const haproxyWith =
  (balance: string, checks = "") =>
  (port: number, upstreams: readonly number[]) => `
global
  maxconn 9000
defaults
  mode http
  timeout connect 2s
  timeout check 3s
  timeout client 120s
  timeout server 120s
  timeout tunnel 1h
  retries 3
  option redispatch 1
frontend front
  bind 127.0.0.1:${port} backlog 4096
  maxconn 9000
  default_backend nodes
backend nodes
  balance ${balance}
  retry-on conn-failure empty-response
  http-request disable-l7-retry if METH_POST
  ${checks}
  ${upstreams.map((each, index) => `server s${index} 127.0.0.1:${each}`).join("\n  ")}
`;

const nginxWith = (balance: string) => (port: number, upstreams: readonly number[]) => `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off; pid pid; error_log stderr notice; worker_processes 1; worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  map $http_upgrade $connection_upgrade { default upgrade; "" close; }
  upstream nodes { ${balance} ${upstreams.map((each) => `server 127.0.0.1:${each} max_fails=0;`).join(" ")} }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    client_max_body_size 10m;
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_buffering off;
      proxy_read_timeout 120s;
    }
  }
}`;

const of = (
  name: Balancing,
  program: ProxyProgram | undefined,
  configuration: Balancer["configuration"],
): Balancer => ({
  name,
  program,
  configuration,
});

/** With round robin, a session of exactly as many requests a cycle as there are nodes always has the same front. */
export const BALANCERS: readonly Balancer[] = [
  of("haproxy roundrobin", haproxy, haproxyWith("roundrobin")),
  of("haproxy random", haproxy, haproxyWith("random")),
  of("nginx", nginx, nginxWith("")),
  of("nginx least_conn", nginx, nginxWith("least_conn;")),
];

/** Looks after its nodes. A loaded machine fails its checks: it is for tests of nodes that it has to avoid. */
export const WATCHFUL = of("haproxy with checks", haproxy, haproxyWith("roundrobin", CHECKS));

/** Starts a balancer before these ports. */
export function balance({ program, configuration }: Balancer, upstreams: readonly number[]): Promise<TestServer> {
  return program!.start((port) => configuration(port, upstreams));
}
