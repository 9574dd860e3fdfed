import { ServiceTag } from "../parts/service";
import { Link } from "../router";
import { formatAgo, toDate } from "../time";
import type { Metric } from "../types";
import { metricHref } from "./address";
import { kindName } from "./data";

type TableProps = {
  readonly metrics: readonly Metric[];
  readonly colors: ReadonlyMap<string, number>;
  /** The service the list is filtered by; its metrics are opened for it alone. */
  readonly service: string;
};

export function MetricTable({ metrics, colors, service }: TableProps) {
  const now = new Date();
  return (
    <div class="table-frame">
      <table class="traces metrics">
        <caption class="hidden">Metrics by name</caption>
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Kind</th>
            <th scope="col">Unit</th>
            <th scope="col">Services</th>
            <th scope="col" class="number">
              Series
            </th>
            <th scope="col" class="number">
              Last seen
            </th>
          </tr>
        </thead>
        <tbody>
          {metrics.map((metric) => (
            <Row
              key={`${metric.name} ${metric.kind} ${metric.unit} ${metric.temporality}`}
              metric={metric}
              colors={colors}
              service={service}
              now={now}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

type RowProps = {
  readonly metric: Metric;
  readonly colors: ReadonlyMap<string, number>;
  readonly service: string;
  readonly now: Date;
};

function Row({ metric, colors, service, now }: RowProps) {
  const seen = toDate(metric.last_seen_unix_nano);
  return (
    <tr>
      <td class="name">
        <Link href={metricHref(metric.name, { service })} class="row-link">
          {metric.name}
        </Link>
        {metric.description && <span class="description">{metric.description}</span>}
      </td>
      <td class="kind">{kindName(metric)}</td>
      <td class="unit">{metric.unit ? <code>{metric.unit}</code> : <span class="faint">none</span>}</td>
      <td class="services">
        {metric.services.map((name) => (
          <ServiceTag name={name} color={colors.get(name) ?? 0} />
        ))}
      </td>
      <td class="number">{metric.series}</td>
      <td class="number seen">
        <time dateTime={seen.toISOString()}>{formatAgo(seen, now)}</time>
      </td>
    </tr>
  );
}
