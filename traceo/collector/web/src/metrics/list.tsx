import { useEffect, useMemo, useState } from "preact/hooks";
import { useAnswer } from "../api";
import { Choice } from "../parts/fields";
import { RefreshIcon } from "../parts/icons";
import { Loading, Notice, ProblemPanel } from "../parts/states";
import { Link, navigate } from "../router";
import { assignColors } from "../services";
import type { MetricList } from "../types";
import { type MetricsState, metricsHref } from "./address";
import { searched } from "./data";
import { FirstMetric } from "./first_metric";
import { MetricTable } from "./table";

const LIVE_MS = 3000;

/** Where "Metrics" in a metric's page leads back to. */
let lastMetrics = metricsHref({ service: "", search: "" });
export const lastMetricsHref = (): string => lastMetrics;

/** All metrics, asked for once for the list and for each metric's page. */
export const useMetrics = (everyMs = 0) =>
  useAnswer<MetricList>("metrics", () => "/api/traceo/metrics", everyMs);

export function MetricsPage({ state }: { readonly state: MetricsState }) {
  const { data, problem, loading, reload } = useMetrics(LIVE_MS);
  const href = metricsHref(state);
  useEffect(() => {
    lastMetrics = href;
    document.title = state.service ? `Metrics of ${state.service} – Traceo` : "Metrics – Traceo";
  }, [href, state.service]);

  const metrics = data?.metrics;
  const services = useMemo(
    () => [...new Set((metrics ?? []).flatMap((metric) => metric.services))].sort(),
    [metrics],
  );
  const colors = useMemo(() => assignColors(services), [services]);
  const shown = useMemo(
    () =>
      searched(metrics ?? [], state.search).filter(
        (metric) => !state.service || metric.services.includes(state.service),
      ),
    [metrics, state],
  );

  if (metrics?.length === 0 && !problem) {
    return (
      <main class="page" id="main">
        <FirstMetric origin={location.origin} />
      </main>
    );
  }
  return (
    <main class="page" id="main">
      <div class="title-row">
        <h1>Metrics</h1>
        <span class="spacer" />
        <button type="button" class="button" onClick={reload} aria-busy={loading}>
          <RefreshIcon class={loading ? "turning" : ""} />
          Refresh
        </button>
      </div>
      <search class="filters">
        <Choice
          label="Service"
          value={state.service}
          options={services}
          all="All services"
          onPick={(service) => navigate(metricsHref({ ...state, service }))}
        />
        <SearchField
          value={state.search}
          onInput={(search) => navigate(metricsHref({ ...state, search }), { replace: true })}
        />
      </search>
      {problem && <ProblemPanel problem={problem} retry={reload} />}
      {!data && !problem && <Loading what="metrics" />}
      {metrics && shown.length === 0 && !problem && (
        <Notice title="No metric matches">
          <p>
            <Link href={metricsHref({ service: "", search: "" })}>Show all {metrics.length}</Link>
          </p>
        </Notice>
      )}
      {shown.length > 0 && <MetricTable metrics={shown} colors={colors} service={state.service} />}
      {shown.length > 0 && (
        <p class="pager faint">
          {shown.length} {shown.length === 1 ? "metric" : "metrics"}
        </p>
      )}
    </main>
  );
}

type SearchProps = { readonly value: string; readonly onInput: (text: string) => void };

function SearchField({ value, onInput }: SearchProps) {
  // Its own text, so that typing never waits for the address.
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <label class="field grow">
      <span>Search</span>
      <input
        type="text"
        inputMode="search"
        value={text}
        placeholder="request duration"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          setText(event.currentTarget.value);
          onInput(event.currentTarget.value);
        }}
      />
    </label>
  );
}
