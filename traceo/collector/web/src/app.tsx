import { useEffect } from "preact/hooks";
import { useAnswer } from "./api";
import { ListPage } from "./list/page";
import { METRICS_PATH } from "./metrics/address";
import { MetricsPage } from "./metrics/list";
import { MetricPage } from "./metrics/page";
import { Notice } from "./parts/states";
import { ThemeToggle } from "./parts/theme";
import { closeTip, TipLayer } from "./parts/tip";
import { Link, useRoute } from "./router";
import { TracePage } from "./trace/page";
import type { CollectorStatus } from "./types";
import type { Route } from "./url";

/** The pages of the navigation, in order; logs and services join here. */
const PAGES: readonly { label: string; href: string; pages: readonly Route["page"][] }[] = [
  { label: "Traces", href: "/", pages: ["list", "trace"] },
  { label: "Metrics", href: METRICS_PATH, pages: ["metrics", "metric"] },
];

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
      {count(data.spans)} spans · {count(data.logs)} logs · {count(data.metric_points)} points
    </span>
  );
}

function Page({ route }: { readonly route: Route }) {
  if (route.page === "list") return <ListPage state={route.state} />;
  if (route.page === "trace") return <TracePage id={route.id} state={route.state} key={route.id} />;
  if (route.page === "metrics") return <MetricsPage state={route.state} />;
  if (route.page === "metric") return <MetricPage name={route.name} state={route.state} key={route.name} />;
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
  const place =
    route.page === "trace"
      ? `trace ${route.id}`
      : route.page === "metric"
        ? `metric ${route.name}`
        : route.page;
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
          {PAGES.map(({ label, href, pages }) => (
            <Link href={href} class="nav-link" current={pages.includes(route.page)}>
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
