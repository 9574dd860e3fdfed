import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../api";
import { CopyButton } from "../parts/copy";
import { RefreshIcon } from "../parts/icons";
import { ServiceTag } from "../parts/service";
import { Loading, Notice, ProblemPanel } from "../parts/states";
import { Link, navigate } from "../router";
import { assignColors } from "../services";
import { formatAgo, toDate } from "../time";
import type { Metric, MetricData } from "../types";
import { type MetricState, metricHref, metricPath } from "./address";
import { Chart } from "./chart";
import { Controls } from "./controls";
import {
  AGGREGATIONS,
  countsMeasurements,
  isEmpty,
  kindName,
  largest,
  lineKey,
  showsExemplars,
  steady,
} from "./data";
import { LargestExemplars } from "./exemplars";
import { Legend } from "./legend";
import { lastMetricsHref, useMetrics } from "./list";
import { formatStep, measureOf, unitName } from "./units";

const LIVE_MS = 5000;
const LARGEST = 5;

type PageProps = { readonly name: string; readonly state: MetricState };

export function MetricPage({ name, state }: PageProps) {
  const list = useMetrics(state.live ? LIVE_MS : 0);
  const answer = useAnswer<MetricData>(
    metricHref(name, { ...state, live: false }),
    () => metricPath(name, state, Date.now()),
    state.live ? LIVE_MS : 0,
  );
  // The lines stay while the next answer is on its way: a page that jumps is hard to compare with.
  const before = useRef<MetricData | null>(null);
  before.current = answer.problem ? null : (answer.data ?? before.current);
  const question = JSON.stringify([state.service, state.aggregation, state.groupBy, state.attributes]);
  const order = useRef<{ question: string; keys: readonly string[] }>({ question, keys: [] });
  if (order.current.question !== question) order.current = { question, keys: [] };
  const data = useMemo(
    () => (before.current ? steady(before.current, order.current.keys) : null),
    [before.current, question],
  );
  if (data && answer.data) order.current.keys = data.series.map(lineKey);
  useEffect(() => {
    document.title = `${name} – Traceo`;
  }, [name]);

  const found = (list.data?.metrics ?? []).filter((metric) => metric.name === name);
  const metric = found.find(
    ({ kind, services }) =>
      (!data || data.kind === kind) && (!state.service || services.includes(state.service)),
  );
  const services = useMemo(
    () => [...new Set(found.flatMap((one) => one.services))].sort(),
    [list.data, name],
  );
  const problem = answer.problem ?? list.problem;
  const retry = () => {
    list.reload();
    answer.reload();
  };
  const change = (next: Partial<MetricState>) => navigate(metricHref(name, { ...state, ...next }));

  return (
    <main class="page" id="main">
      <p class="crumb">
        <Link href={lastMetricsHref()}>Metrics</Link>
        <span aria-hidden="true">/</span>
        <span class="trace-id">
          <code>{name}</code>
          <CopyButton text={name} label="Copy the metric's name" />
        </span>
      </p>
      <div class="title-row metric-title">
        <h1>{name}</h1>
        <span class="spacer" />
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            aria-checked={state.live}
            checked={state.live}
            onChange={() => change({ live: !state.live })}
          />
          <span class="track" aria-hidden="true" />
          Auto-refresh
        </label>
        <button type="button" class="button" onClick={retry} aria-busy={answer.loading}>
          <RefreshIcon class={answer.loading ? "turning" : ""} />
          Refresh
        </button>
      </div>
      {metric && <Facts metric={metric} services={services} />}
      {metric && (
        <Controls
          metric={metric}
          services={services}
          state={state}
          aggregation={state.aggregation || data?.aggregation || ""}
          onChange={change}
        />
      )}
      {problem?.status === 404 ? (
        <Notice title="This metric is not here">
          <p>
            No data point of <code>{name}</code>
            {state.service && ` from ${state.service}`} has arrived yet.
          </p>
          <p>
            <button type="button" class="button" onClick={retry}>
              Look again
            </button>
          </p>
        </Notice>
      ) : (
        problem && <ProblemPanel problem={problem} retry={retry} />
      )}
      {!data && !problem && <Loading what="the metric" />}
      {data && !problem && (
        <View data={data} metric={metric} state={state} onChange={change} busy={answer.data === null} />
      )}
    </main>
  );
}

function Facts({ metric, services }: { readonly metric: Metric; readonly services: readonly string[] }) {
  const colors = useMemo(() => assignColors(services), [services]);
  return (
    <div class="metric-facts">
      {metric.description && <p class="metric-description">{metric.description}</p>}
      <dl class="facts">
        <div>
          <dt>Kind</dt>
          <dd>
            {kindName(metric)}
            {metric.temporality && <span class="faint"> {metric.temporality}</span>}
          </dd>
        </div>
        <div>
          <dt>Unit</dt>
          <dd>{metric.unit || <span class="faint">none</span>}</dd>
        </div>
        <div>
          <dt>Series</dt>
          <dd>{metric.series.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Last seen</dt>
          <dd>{formatAgo(toDate(metric.last_seen_unix_nano), new Date())}</dd>
        </div>
        <div>
          <dt class="hidden">Services</dt>
          <dd class="trace-services">
            {services.map((service) => (
              <ServiceTag name={service} color={colors.get(service) ?? 0} />
            ))}
          </dd>
        </div>
      </dl>
    </div>
  );
}

type ViewProps = {
  readonly data: MetricData;
  readonly metric: Metric | undefined;
  readonly state: MetricState;
  readonly onChange: (next: Partial<MetricState>) => void;
  readonly busy: boolean;
};

function View({ data, metric, state, onChange, busy }: ViewProps) {
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set<number>());
  const [focus, setFocus] = useState<number | null>(null);
  const [step, setStep] = useState<number | null>(null);
  const lines = data.series.map(lineKey).join("\n");
  const linesBefore = useRef(lines);
  // Among other lines, what was switched off would be somebody else; lines that only joined change nothing.
  useEffect(() => {
    if (!`${lines}\n`.startsWith(`${linesBefore.current}\n`)) setHidden(new Set<number>());
    linesBefore.current = lines;
  }, [lines]);

  const counts = countsMeasurements(data.kind);
  const measure = useMemo(
    () => measureOf(data.unit, data.aggregation, counts),
    [data.unit, data.aggregation, counts],
  );
  const slow = showsExemplars(data) ? largest(data.exemplars, LARGEST) : [];
  if (isEmpty(data)) return <NoPoints metric={metric} state={state} onChange={onChange} />;
  const unit = unitName(data.unit, data.aggregation, counts);
  return (
    <>
      <figure class={`chart-frame ${busy ? "busy" : ""}`}>
        <figcaption>
          <span>
            {AGGREGATIONS[data.aggregation]}
            {unit && <span class="faint"> in {unit}</span>}
            <span class="faint"> · steps of {formatStep(data.step_s)}</span>
          </span>
          <span class="faint hint">
            {slow.length > 0 && (
              <>
                <span class="diamond" aria-hidden="true" /> leads to a trace ·{" "}
              </>
            )}
            drag to pick a range
          </span>
        </figcaption>
        <Chart
          data={data}
          measure={measure}
          hidden={hidden}
          focus={focus}
          label={`${AGGREGATIONS[data.aggregation]} of ${data.name}, ${data.series.length} lines`}
          onStep={setStep}
          onRange={(start, end) => onChange({ range: "custom", start, end })}
        />
      </figure>
      <Legend
        data={data}
        measure={measure}
        keys={state.groupBy}
        hidden={hidden}
        onHidden={setHidden}
        onFocus={setFocus}
        step={step}
      />
      {data.omitted > 0 && (
        <p class="pager faint">
          {data.omitted.toLocaleString("en")} smaller series are not shown; filter by an attribute or group by
          fewer.
        </p>
      )}
      {slow.length > 0 && <LargestExemplars exemplars={slow} series={data.series} measure={measure} />}
    </>
  );
}

type NoPointsProps = Pick<ViewProps, "metric" | "state" | "onChange">;

function NoPoints({ metric, state, onChange }: NoPointsProps) {
  const last = metric ? toDate(metric.last_seen_unix_nano) : null;
  const around = () => {
    if (!last) return;
    const end = last.getTime() + 60_000;
    onChange({
      range: "custom",
      start: new Date(end - 3_600_000).toISOString(),
      end: new Date(end).toISOString(),
    });
  };
  return (
    <Notice title="Nothing to show here">
      <p>
        {state.attributes.length > 0
          ? "No data point in this time range meets these filters."
          : "There is no data point in this time range, or what it holds has no such value."}
      </p>
      {last && (
        <p>
          <button type="button" class="button" onClick={around}>
            Show the hour of the last point, {formatAgo(last, new Date())}
          </button>
        </p>
      )}
    </Notice>
  );
}
