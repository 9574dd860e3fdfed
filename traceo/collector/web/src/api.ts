/** Questions to the collector, each over its public query API and to its own origin only. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { RANGES } from "./ranges";
import { parseDuration } from "./time";
import type { ListState } from "./url";

/** Why a question has no answer: the problem body of RFC 9457, or that nothing answered (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(title);
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as { title?: unknown; detail?: unknown };
    const title = typeof body.title === "string" ? body.title : fallback;
    return new Problem(response.status, title, typeof body.detail === "string" ? body.detail : "");
  } catch {
    return new Problem(response.status, fallback, "");
  }
}

export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" }, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(
      0,
      "The collector does not answer",
      "Is it still running? Look at its terminal, then try again.",
    );
  }
  if (!response.ok) throw await readProblem(response);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(response.status, "The answer is not JSON", `From ${path}`);
  }
}

export type Answer<T> = {
  /** The latest answer to this path, or the one before while a new one is on its way. */
  readonly data: T | null;
  readonly problem: Problem | null;
  readonly loading: boolean;
  readonly reload: () => void;
};

/** Answers of this visit, so that going back shows a page at once; it is asked again all the same. */
const answers = new Map<string, unknown>();
const ANSWERS_KEPT = 30;

function keep(path: string, answer: unknown): void {
  answers.delete(path);
  answers.set(path, answer);
  const oldest = answers.keys().next();
  if (answers.size > ANSWERS_KEPT && !oldest.done) answers.delete(oldest.value);
}

/**
 * Asks whenever `key` changes, and again every `everyMs` while the page is visible. `path` makes the address at
 * the time of asking, so that "last hour" moves on; null asks nothing.
 */
export function useAnswer<T>(key: string | null, path: () => string, everyMs = 0): Answer<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; problem: Problem | null }>({
    key: null,
    data: null,
    problem: null,
  });
  const [loading, setLoading] = useState(false);
  const [turn, setTurn] = useState(0);
  const makePath = useRef(path);
  makePath.current = path;

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setLoading(true);
    ask<T>(makePath.current(), abort.signal)
      .then((data) => {
        keep(key, data);
        setState({ key, data, problem: null });
        setLoading(false);
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, "This page failed", String(error));
        setState((before) => ({ key, data: before.key === key ? before.data : null, problem }));
        setLoading(false);
      });
    return () => abort.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((count) => count + 1), []);
  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  const current = state.key === key;
  const remembered = key === null ? null : ((answers.get(key) as T | undefined) ?? null);
  return {
    data: current ? (state.data ?? remembered) : remembered,
    problem: current ? state.problem : null,
    loading: loading || (key !== null && !current),
    reload,
  };
}

export const PAGE_SIZE = 50;

/** The address that answers a list's state; `nowMs` anchors the presets. Unreadable durations are left out. */
export function tracesPath(state: ListState, nowMs: number): string {
  const query = new URLSearchParams();
  if (state.service) query.set("service", state.service);
  if (state.operation) query.set("operation", state.operation);
  if (state.range === "custom") {
    if (state.start) query.set("start", state.start);
    if (state.end) query.set("end", state.end);
  } else if (state.range) {
    query.set("start", new Date(nowMs - RANGES[state.range].ms).toISOString());
  }
  const min = parseDuration(state.min);
  const max = parseDuration(state.max);
  if (min !== null) query.set("min_duration_ms", String(min));
  if (max !== null) query.set("max_duration_ms", String(max));
  if (state.status) query.set("status", state.status);
  for (const pair of state.attributes) query.append("attribute", pair.replace("=", ":"));
  query.set("limit", String(PAGE_SIZE));
  if (state.cursor) query.set("cursor", state.cursor);
  return `/api/traceo/traces?${query}`;
}
