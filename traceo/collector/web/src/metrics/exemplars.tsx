/** Single measurements that lead to their traces: as dots on the chart, and the largest as a list. */

import { useRef, useState } from "preact/hooks";
import { valueText } from "../attributes";
import { ArrowIcon } from "../parts/icons";
import { closeTip, openTip } from "../parts/tip";
import { follow, Link } from "../router";
import { formatClock, formatDay, toDate } from "../time";
import type { Exemplar, MetricSeries } from "../types";
import { traceHref } from "../url";
import { colorOf } from "./chart";
import type { Dot } from "./data";
import { Labels, LabelValue, labelText } from "./labels";
import { formatValue, type Measure } from "./units";

const hrefOf = ({ trace_id, span_id }: Exemplar): string => traceHref(trace_id, { span: span_id });

/** What is known of a measurement: what its line is grouped by, then the rest. */
function labelsOf(exemplar: Exemplar, series: readonly MetricSeries[]): MetricSeries["attributes"] {
  const own = Object.entries(exemplar.attributes).map(([key, value]) => [key, valueText(value)] as const);
  return { ...series[exemplar.series]?.attributes, ...Object.fromEntries(own) };
}

type DotsProps = {
  readonly dots: readonly Dot[];
  readonly series: readonly MetricSeries[];
  readonly measure: Measure;
};

/** One stop for the tab key; arrows walk from dot to dot, in order of time. */
export function ExemplarDots({ dots, series, measure }: DotsProps) {
  const [current, setCurrent] = useState(0);
  const list = useRef<HTMLElement>(null);
  const stop = Math.min(current, dots.length - 1);
  const walk = (event: KeyboardEvent) => {
    const to = { ArrowRight: stop + 1, ArrowLeft: stop - 1, Home: 0, End: dots.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(dots.length - 1, Math.max(0, to));
    setCurrent(next);
    list.current?.querySelectorAll("a")[next]?.focus();
  };
  return (
    <nav ref={list} class="dots" aria-label="Exemplars, each leads to its trace">
      {dots.map(({ exemplar, x, y, above }, index) => {
        const labels = labelsOf(exemplar, series);
        const show = (event: Event) =>
          openTip(
            event.currentTarget as Element,
            <ExemplarTip exemplar={exemplar} labels={labels} measure={measure} />,
          );
        return (
          <a
            key={`${exemplar.trace_id} ${exemplar.span_id} ${exemplar.time_unix_nano} ${exemplar.value}`}
            href={hrefOf(exemplar)}
            class={`exemplar service-${colorOf(exemplar.series)} ${above ? "above" : ""}`}
            style={{ left: `${(100 * x).toFixed(3)}%`, bottom: `${(100 * y).toFixed(3)}%` }}
            tabIndex={index === stop ? 0 : -1}
            onKeyDown={walk}
            onClick={(event) => {
              closeTip();
              follow(event, hrefOf(exemplar));
            }}
            onMouseEnter={show}
            onFocus={(event) => {
              setCurrent(index);
              show(event);
            }}
            onMouseLeave={closeTip}
            onBlur={closeTip}
          >
            <span class="hidden">
              Trace with {formatValue(exemplar.value, measure)} at{" "}
              {formatClock(toDate(exemplar.time_unix_nano))}
              {labelText(labels)}
            </span>
          </a>
        );
      })}
    </nav>
  );
}

type TipProps = {
  readonly exemplar: Exemplar;
  readonly labels: MetricSeries["attributes"];
  readonly measure: Measure;
};

function ExemplarTip({ exemplar, labels, measure }: TipProps) {
  const moment = toDate(exemplar.time_unix_nano);
  const facts = Object.entries(labels);
  return (
    <>
      <strong class="tip-title">{formatValue(exemplar.value, measure)}</strong>
      <span>
        {formatDay(moment)} {formatClock(moment)}
      </span>
      {facts.length > 0 && (
        <dl class="tip-facts">
          {facts.slice(0, 8).map(([key, value]) => (
            <>
              <dt>{key}</dt>
              <dd>
                <LabelValue value={value} />
              </dd>
            </>
          ))}
        </dl>
      )}
      <span class="tip-go">
        Open its trace <ArrowIcon />
      </span>
    </>
  );
}

type ListProps = {
  readonly exemplars: readonly Exemplar[];
  readonly series: readonly MetricSeries[];
  readonly measure: Measure;
};

export function LargestExemplars({ exemplars, series, measure }: ListProps) {
  return (
    <section class="largest" aria-labelledby="largest-title">
      <h2 id="largest-title">Traces with the largest values</h2>
      <ol>
        {exemplars.map((exemplar) => {
          const moment = toDate(exemplar.time_unix_nano);
          return (
            <li>
              <Link href={hrefOf(exemplar)} class="largest-link">
                <span class={`diamond service-${colorOf(exemplar.series)}`} aria-hidden="true" />
                <strong>{formatValue(exemplar.value, measure)}</strong>
                <span class="largest-labels">
                  <Labels attributes={labelsOf(exemplar, series)} />
                </span>
                <time class="faint" dateTime={moment.toISOString()}>
                  {formatClock(moment)}
                </time>
                <code class="faint">{exemplar.trace_id.slice(0, 8)}…</code>
                <ArrowIcon />
              </Link>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
