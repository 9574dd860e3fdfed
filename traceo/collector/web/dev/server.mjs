/**
 * The collector's query API over made-up traces, and the built page: `npm run build && npm run fixtures`, or
 * `npm run dev` beside it. For looking at the page in states that are hard to reach; nothing in it ships.
 *
 *   node dev/server.mjs [port] [none|fail]
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTraces } from "./traces.mjs";

const port = Number(process.argv[2] ?? 4318);
const mode = process.argv[3] ?? "";
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const traces = mode === "none" ? [] : makeTraces(130, Date.now());
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

function summary(trace) {
  const root = trace.spans.find((span) => !span.parent_span_id) ?? trace.spans[0];
  return {
    trace_id: trace.trace_id,
    root_name: root.name,
    root_service: root.service,
    start_unix_nano: trace.start_unix_nano,
    duration_ns: trace.duration_ns,
    spans: trace.spans.length,
    errors: trace.spans.filter((span) => span.status.code === "error").length,
    services: [...new Set(trace.spans.map((span) => span.service))],
    redactions: [...trace.spans, ...trace.logs].reduce((sum, { redacted }) => sum + redacted.length, 0),
  };
}

function search(query) {
  const get = (name) => query.get(name);
  const nanos = (text) => (/^\d+$/.test(text) ? BigInt(text) : BigInt(Date.parse(text)) * 1_000_000n);
  const found = traces.filter((trace) => {
    const { root_service, root_name, errors, services, duration_ns } = summary(trace);
    if (get("service") && !services.includes(get("service"))) return false;
    if (get("operation") && !trace.spans.some((span) => span.name === get("operation"))) return false;
    if (get("start") && BigInt(trace.start_unix_nano) < nanos(get("start"))) return false;
    if (get("end") && BigInt(trace.start_unix_nano) > nanos(get("end"))) return false;
    if (get("min_duration_ms") && duration_ns < Number(get("min_duration_ms")) * 1e6) return false;
    if (get("max_duration_ms") && duration_ns > Number(get("max_duration_ms")) * 1e6) return false;
    if (get("status") === "error" && errors === 0) return false;
    if (get("status") === "ok" && errors > 0) return false;
    return query.getAll("attribute").every((pair) => {
      const colon = pair.indexOf(":");
      const [key, value] = [pair.slice(0, colon), pair.slice(colon + 1)];
      return trace.spans.some((span) => String(span.attributes[key]) === value) && root_service && root_name;
    });
  });
  const from = Number(get("cursor") ?? 0);
  const limit = Number(get("limit") ?? 20);
  const next = from + limit < found.length ? String(from + limit) : null;
  return { traces: found.slice(from, from + limit).map(summary), next };
}

function answer(url) {
  const path = url.pathname.replace("/api/traceo", "");
  if (path === "/traces") return search(url.searchParams);
  if (path === "/services") {
    const names = [...new Set(traces.flatMap((trace) => trace.spans.map((span) => span.service)))];
    return {
      services: names.map((name) => ({
        name,
        spans: 1,
        errors: 0,
        last_seen_unix_nano: String(Date.now() * 1e6),
      })),
    };
  }
  if (path === "/operations") {
    const service = url.searchParams.get("service");
    const spans = traces
      .flatMap((trace) => trace.spans)
      .filter((span) => !service || span.service === service);
    return {
      operations: [...new Set(spans.map((span) => span.name))].map((name) => ({
        name,
        kind: "server",
        spans: 1,
      })),
    };
  }
  if (path === "/metrics") return { metrics: [] };
  if (path === "/status") {
    const sum = (list) => traces.reduce((total, trace) => total + trace[list].length, 0);
    return { version: "0.0.0", spans: sum("spans"), logs: sum("logs"), metric_points: 0 };
  }
  return traces.find((trace) => path === `/traces/${trace.trace_id}`) ?? null;
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, `http://127.0.0.1:${port}`);
  const send = (status, type, body) => {
    response.writeHead(status, { "content-type": type, "content-security-policy": "default-src 'self'" });
    response.end(body);
  };
  const problem = (status, title, detail) =>
    send(status, "application/problem+json", JSON.stringify({ type: "about:blank", title, status, detail }));
  if (url.pathname.startsWith("/api/")) {
    if (mode === "fail")
      return problem(503, "The store is not ready", "segment 12 is being opened; try again in 2 s");
    const body = answer(url);
    if (!body) return problem(404, "Not found", `no trace at ${url.pathname}`);
    return send(200, "application/json", JSON.stringify(body));
  }
  const page = url.pathname === "/" || /^\/(trace|explore)\//.test(url.pathname);
  const file = page ? "index.html" : normalize(url.pathname);
  try {
    send(200, TYPES[extname(file)] ?? "application/octet-stream", await readFile(join(dist, file)));
  } catch {
    problem(404, "Not found", `${file} is not in dist`);
  }
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
