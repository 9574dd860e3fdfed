import { CopyButton } from "../parts/copy";
import { ShieldIcon } from "../parts/icons";

/** Where an SDK sends when nobody tells it otherwise. */
const DEFAULT_ENDPOINT = "http://127.0.0.1:4318";

export function FirstSteps({ origin }: { readonly origin: string }) {
  const isDefault = origin === DEFAULT_ENDPOINT || origin === "http://localhost:4318";
  const call = isDefault ? "traceo.init()" : `traceo.init(endpoint="${origin}")`;
  const variable = `OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`;
  return (
    <section class="first-steps">
      <h1>No traces yet</h1>
      <p class="lead">
        The collector is up and waiting. Put two lines at the top of your Python app and start it:
      </p>
      <div class="code">
        <pre>
          <span class="keyword">import</span> traceo{"\n"}
          {call}
        </pre>
        <CopyButton text={`import traceo\n${call}\n`} label="Copy the two lines" />
      </div>
      <p>Its requests, queries, calls and log lines appear here by themselves within a second or two.</p>
      <p>
        <span class="waiting" role="status">
          <span class="spinner" aria-hidden="true" /> Waiting for the first trace
        </span>
      </p>
      <div class="also">
        <h2>
          <ShieldIcon /> Personal data stays in your process
        </h2>
        <p>
          E-mail addresses, cards, national ids, passwords and keys are taken out before anything is sent, and
          what is left travels sealed.
        </p>
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
