/*
 * The frame of the page: navigation, state of the connection, and the view of the address.
 * Knows: names of views, role and level of payloads.
 * Must not know: what a view shows.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Hello } from "../../src/dashboard/wire.ts";
import type { Farewell, Phase } from "./live.ts";
import { useFeature, useHello, useLive, useRoute } from "./page.tsx";
import { Mark, type Tone } from "./parts/panel.tsx";
import { routeTo, type View } from "./route.ts";
import { useStore } from "./store.ts";
import { Cluster } from "./views/cluster.tsx";
import { Connection } from "./views/connection.tsx";
import { Connections } from "./views/connections.tsx";
import { Ended } from "./views/ended.tsx";
import { Events } from "./views/events.tsx";
import { Overview } from "./views/overview.tsx";
import { Problems } from "./views/problems.tsx";
import { Rooms } from "./views/rooms.tsx";

const PAGES: Record<View, { title: string; draw: () => JSX.Element }> = {
  overview: { title: "Overview", draw: Overview },
  connections: { title: "Connections", draw: Connections },
  connection: { title: "Connection", draw: Connection },
  rooms: { title: "Rooms", draw: Rooms },
  events: { title: "Events", draw: Events },
  problems: { title: "Problems", draw: Problems },
  ended: { title: "Ended", draw: Ended },
  cluster: { title: "Cluster", draw: Cluster },
};

const PHASES: Record<Phase, { tone: Tone; word: string }> = {
  connecting: { tone: "plain", word: "connecting" },
  live: { tone: "good", word: "live" },
  lost: { tone: "bad", word: "connection lost" },
  full: { tone: "bad", word: "full" },
  signedOut: { tone: "bad", word: "signed out" },
  closed: { tone: "bad", word: "closed" },
};

const FAREWELLS: Record<Farewell, string> = {
  ROLE_WITHDRAWN: "You may no longer look at this server.",
  DRAINING: "The server is draining: it will go soon.",
  CLOSED: "The server has closed this page.",
  BAD_QUESTION: "The server did not understand this page. It may be older than the server.",
};

function SignOut(): JSX.Element | null {
  if (!useFeature("logout")) return null;
  return (
    <form method="post" action="logout">
      <button class="quiet">Sign out</button>
    </form>
  );
}

const ROLES = { view: "may look", act: "may act" };
const PAYLOADS = { none: "payloads hidden", shape: "payloads as shapes", values: "payloads with values" };

function Rights({ hello: { role, payloads } }: { hello: Hello }): JSX.Element {
  return (
    <>
      <Mark tone={role === "act" ? "warn" : "plain"}>{ROLES[role]}</Mark>
      <Mark tone={payloads === "values" ? "warn" : "plain"}>{PAYLOADS[payloads]}</Mark>
      <SignOut />
    </>
  );
}

function Navigation({ view }: { view: View }): JSX.Element {
  const findings = useStore(useLive().findings);
  const hasCluster = useFeature("cluster");
  const count = findings?.length ?? 0;
  const shown = (Object.keys(PAGES) as View[]).filter(
    (name) => name !== "connection" && (name !== "cluster" || hasCluster || view === "cluster"),
  );
  const current = view === "connection" ? "connections" : view;
  return (
    <nav aria-label="Views">
      {shown.map((name) => (
        <a key={name} href={routeTo(name)} aria-current={name === current ? "page" : undefined}>
          {PAGES[name].title}
          {name === "overview" && count > 0 && (
            <span class="badge">
              {count}
              <span class="hidden"> {count === 1 ? "finding" : "findings"}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

function Lost({ phase }: { phase: Phase }): JSX.Element | null {
  const farewell = useStore(useLive().farewell);
  if (phase === "live" || phase === "connecting") return null;
  if (phase === "signedOut") {
    return (
      <p class="lost" role="alert">
        Your session has ended. <a href="./">Sign in again</a>
      </p>
    );
  }
  if (phase === "full") {
    return (
      <p class="lost" role="alert">
        As many viewers look at this server as there may be. This page goes on by itself once one of them leaves.
      </p>
    );
  }
  if (phase === "closed" && farewell !== null) {
    return (
      <p class="lost" role="alert">
        {FAREWELLS[farewell]} <a href="./">Reload</a>
      </p>
    );
  }
  return (
    <p class="lost" role="alert">
      The connection to the server is lost. What you see is from before; the page goes on by itself once the server
      answers.
    </p>
  );
}

/** The view of the address. Its heading gets the focus when another view is chosen. */
function CurrentView({ view }: { view: View }): JSX.Element {
  const main = useRef<HTMLElement>(null);
  const before = useRef(view);
  useEffect(() => {
    document.title = `${PAGES[view].title} – Portage`;
    if (before.current === view) return;
    before.current = view;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [view]);
  const Draw = PAGES[view].draw;
  return (
    <main ref={main} id="main" tabIndex={-1} key={view}>
      <Draw />
    </main>
  );
}

function Body({ view }: { view: View }): JSX.Element {
  const { version, node, path } = useHello();
  return (
    <>
      <CurrentView view={view} />
      <footer class="dim">
        Portage {version} on Node.js {node}, at <code>{path}</code>
      </footer>
    </>
  );
}

export function App(): JSX.Element {
  const live = useLive();
  const phase = useStore(live.phase);
  const hello = useStore(live.hello);
  const { view } = useRoute();
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("main")?.focus();
        }}
      >
        Skip to the view
      </a>
      <header class="top">
        <a class="brand" href={routeTo("overview")}>
          <span class="logo" aria-hidden="true" />
          Portage
        </a>
        {hello !== null && <Navigation view={view} />}
        <div class="rights">
          <Mark tone={PHASES[phase].tone}>{PHASES[phase].word}</Mark>
          {hello !== null && <Rights hello={hello} />}
        </div>
      </header>
      <Lost phase={phase} />
      {hello === null ? (
        <main id="main" tabIndex={-1}>
          <h1>{phase === "connecting" ? "Connecting to the server…" : "Not connected"}</h1>
        </main>
      ) : (
        <Body view={view} />
      )}
    </>
  );
}
