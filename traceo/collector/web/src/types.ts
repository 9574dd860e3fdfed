/** The shapes of the collector's query API under /api/traceo (see /api/docs). */

/** Nanoseconds since 1970 as decimal digits: they exceed what a JavaScript number holds exactly. */
export type Nanos = string;

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Attributes = { readonly [key: string]: Value };

export type Redaction = { readonly path: string; readonly rule: string };

export type TraceSummary = {
  readonly trace_id: string;
  readonly root_name: string;
  readonly root_service: string;
  readonly start_unix_nano: Nanos;
  readonly duration_ns: number;
  readonly spans: number;
  readonly errors: number;
  readonly services: readonly string[];
  readonly redactions: number;
};
export type TraceList = { readonly traces: readonly TraceSummary[]; readonly next: string | null };

export type StatusCode = "unset" | "ok" | "error";
export type SpanEvent = {
  readonly name: string;
  readonly time_unix_nano: Nanos;
  readonly attributes: Attributes;
};
export type SpanLink = {
  readonly trace_id: string;
  readonly span_id: string;
  readonly attributes: Attributes;
};
export type Span = {
  readonly span_id: string;
  readonly parent_span_id: string | null;
  readonly name: string;
  readonly service: string;
  readonly kind: string;
  readonly start_unix_nano: Nanos;
  readonly duration_ns: number;
  readonly status: { readonly code: StatusCode; readonly message: string };
  readonly scope: { readonly name: string; readonly version: string };
  readonly resource: Attributes;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly redacted: readonly Redaction[];
};
export type Log = {
  readonly time_unix_nano: Nanos;
  readonly severity_number: number;
  readonly severity_text: string;
  readonly body: Value;
  readonly attributes: Attributes;
  readonly span_id: string | null;
  readonly service: string;
  readonly redacted: readonly Redaction[];
};
export type Trace = {
  readonly trace_id: string;
  readonly start_unix_nano: Nanos;
  readonly duration_ns: number;
  readonly spans: readonly Span[];
  readonly logs: readonly Log[];
};

export type ServiceList = {
  readonly services: readonly {
    readonly name: string;
    readonly spans: number;
    readonly errors: number;
    readonly last_seen_unix_nano: Nanos;
  }[];
};
export type OperationList = {
  readonly operations: readonly { readonly name: string; readonly kind: string; readonly spans: number }[];
};
export type CollectorStatus = {
  readonly version: string;
  readonly spans: number;
  readonly logs: number;
  readonly metric_points: number;
};

export type MetricKind = "gauge" | "sum" | "histogram" | "exponential_histogram" | "summary";
export type Aggregation = "rate" | "sum" | "last" | "avg" | "p50" | "p90" | "p95" | "p99" | "count";
export type Metric = {
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: string;
  readonly description: string;
  readonly temporality: "delta" | "cumulative" | null;
  readonly is_monotonic: boolean;
  readonly services: readonly string[];
  readonly attributes: readonly string[];
  readonly series: number;
  readonly last_seen_unix_nano: Nanos;
};
export type MetricList = { readonly metrics: readonly Metric[] };
export type MetricSeries = {
  readonly attributes: { readonly [key: string]: string | null };
  /** The start of each step, and its value. */
  readonly points: readonly (readonly [Nanos, number | null])[];
};
export type Exemplar = {
  readonly time_unix_nano: Nanos;
  readonly value: number;
  /** Empty when it was measured outside of a span. */
  readonly trace_id: string;
  readonly span_id: string;
  readonly attributes: Attributes;
  readonly series: number;
};
export type MetricData = {
  readonly name: string;
  readonly unit: string;
  readonly kind: MetricKind;
  readonly description: string;
  readonly aggregation: Aggregation;
  readonly start_unix_nano: Nanos;
  readonly step_s: number;
  readonly series: readonly MetricSeries[];
  readonly omitted: number;
  readonly exemplars: readonly Exemplar[];
};
