import { CopyButton } from "../parts/copy";

/** Shown until the first data point arrives. */
export function FirstMetric({ origin }: { readonly origin: string }) {
  const code =
    'orders = traceo.counter("shop.orders", unit="{order}")\norders.add(1, {"payment.method": "card"})';
  const variable = `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=${origin}/v1/metrics`;
  return (
    <section class="first-steps">
      <h1>No metrics yet</h1>
      <p class="lead">
        An app with Traceo sends the metrics of its requests and calls by itself, once a minute. Count what
        else matters:
      </p>
      <div class="code">
        <pre>{code}</pre>
        <CopyButton text={code} label="Copy the two lines" />
      </div>
      <p>
        <span class="waiting" role="status">
          <span class="spinner" aria-hidden="true" /> Waiting for the first data point
        </span>
      </p>
      <div class="also">
        <h2>Already using OpenTelemetry?</h2>
        <p>Any OTLP/HTTP exporter, in any language, can send here:</p>
        <div class="code">
          <pre>{variable}</pre>
          <CopyButton text={variable} label="Copy the variable" />
        </div>
      </div>
    </section>
  );
}
