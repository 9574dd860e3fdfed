import { useEffect } from "preact/hooks";
import { useAnswer } from "./api";
import { ListPage } from "./list/page";
import { Notice } from "./parts/states";
import { ThemeToggle } from "./parts/theme";
import { closeTip, TipLayer } from "./parts/tip";
import { Link, useRoute } from "./router";
import { TracePage } from "./trace/page";
import type { CollectorStatus } from "./types";
import type { Route } from "./url";

/** The pages of the navigation, in order; metrics, logs and services join here. */
const PAGES = [{ label: "Traces", href: "/", holds: (route: Route) => route.page !== "unknown" }];

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path d="M7 9h12M11 16h11M15 23h10" />
    </svg>
  );
}

function StatusLine() {
  const { data } = useAnswer<CollectorStatus>("status", () => "/api/traceo/status", 10_000);
  if (!data) return null;
  const count = (value: number) => value.toLocaleString("en");
  return (
    <span class="status-line" title={`Traceo collector ${data.version}`}>
      {count(data.spans)} spans · {count(data.logs)} logs
    </span>
  );
}

function Page({ route }: { readonly route: Route }) {
  if (route.page === "list") return <ListPage state={route.state} />;
  if (route.page === "trace") return <TracePage id={route.id} state={route.state} key={route.id} />;
  return (
    <main class="page" id="main">
      <Notice title="There is no such page">
        <p>
          <Link href="/">Go to the list of traces</Link>
        </p>
      </Notice>
    </main>
  );
}

export function App() {
  const route = useRoute();
  const place = route.page === "trace" ? `trace ${route.id}` : route.page;
  useEffect(closeTip, [place]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <Link href="/" class="brand" label="Traceo, list of traces">
          <Logo />
          <span>Traceo</span>
        </Link>
        <nav aria-label="Pages">
          {PAGES.map(({ label, href, holds }) => (
            <Link href={href} class="nav-link" current={holds(route)}>
              {label}
            </Link>
          ))}
        </nav>
        <span class="spacer" />
        <StatusLine />
        <a class="nav-link quiet" href="/api/docs">
          API
        </a>
        <ThemeToggle />
      </header>
      <Page route={route} />
      <TipLayer />
    </>
  );
}
