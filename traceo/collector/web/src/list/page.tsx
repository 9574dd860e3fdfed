import { useEffect, useMemo } from "preact/hooks";
import { tracesPath, useAnswer } from "../api";
import { RefreshIcon } from "../parts/icons";
import { Loading, Notice, ProblemPanel } from "../parts/states";
import { Link, navigate } from "../router";
import { assignColors } from "../services";
import type { ServiceList, TraceList } from "../types";
import { isUnfiltered, type ListState, listHref, NO_FILTER } from "../url";
import { Filters } from "./filters";
import { FirstSteps } from "./first_steps";
import { Scatter } from "./scatter";
import { TraceTable } from "./table";

const LIVE_MS = 3000;

/** Where "Traces" in a trace's page leads back to. */
let lastList = "/";
export const lastListHref = (): string => lastList;

export function ListPage({ state }: { readonly state: ListState }) {
  const href = listHref(state);
  const { data, problem, loading, reload } = useAnswer<TraceList>(
    listHref({ ...state, live: false }),
    () => tracesPath(state, Date.now()),
    state.live ? LIVE_MS : 0,
  );
  const services = useAnswer<ServiceList>("services", () => "/api/traceo/services", state.live ? LIVE_MS : 0);
  const traces = data?.traces ?? [];
  const newcomer = data !== null && traces.length === 0 && isUnfiltered(state) && !state.cursor;

  useEffect(() => {
    lastList = href;
    document.title = state.service ? `${state.service} – Traceo` : "Traces – Traceo";
  }, [href, state.service]);

  // A newcomer starts their app in another window: look again without being asked.
  useEffect(() => {
    if (!newcomer || state.live) return;
    const timer = setInterval(reload, LIVE_MS);
    return () => clearInterval(timer);
  }, [newcomer, state.live, reload]);

  const known = services.data?.services;
  const colors = useMemo(
    () =>
      assignColors([...(known ?? []).map(({ name }) => name), ...traces.flatMap((trace) => trace.services)]),
    [known, traces],
  );

  if (newcomer && !problem) {
    return (
      <main class="page" id="main">
        <FirstSteps origin={location.origin} />
      </main>
    );
  }
  return (
    <main class="page" id="main">
      <div class="title-row">
        <h1>Traces</h1>
        <span class="spacer" />
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            aria-checked={state.live}
            checked={state.live}
            onChange={() =>
              navigate(listHref({ ...state, live: !state.live, cursor: "" }), { replace: true })
            }
          />
          <span class="track" aria-hidden="true" />
          Auto-refresh
        </label>
        <button type="button" class="button" onClick={reload} aria-busy={loading}>
          <RefreshIcon class={loading ? "turning" : ""} />
          Refresh
        </button>
      </div>
      <Filters state={state} services={(known ?? []).map(({ name }) => name)} />
      {problem && <ProblemPanel problem={problem} retry={reload} />}
      {!data && !problem && <Loading what="traces" />}
      {data && traces.length === 0 && !problem && (
        <Notice title={state.cursor ? "There are no older traces" : "No trace matches these filters"}>
          <p>
            {state.cursor ? (
              <Link href={listHref({ ...state, cursor: "" })}>Back to the newest</Link>
            ) : (
              <Link href={listHref({ ...NO_FILTER, live: state.live })}>Clear all filters</Link>
            )}
          </p>
        </Notice>
      )}
      {traces.length > 0 && (
        <>
          <Scatter
            traces={traces}
            onRange={(start, end) =>
              navigate(listHref({ ...state, range: "custom", start, end, cursor: "" }))
            }
          />
          <TraceTable traces={traces} colors={colors} />
          <Pager state={state} shown={traces.length} next={data?.next ?? null} />
        </>
      )}
    </main>
  );
}

type PagerProps = { readonly state: ListState; readonly shown: number; readonly next: string | null };

function Pager({ state, shown, next }: PagerProps) {
  return (
    <nav class="pager" aria-label="Older and newer traces">
      <span class="faint">
        {shown} {shown === 1 ? "trace" : "traces"}
        {state.cursor ? ", older page" : ", newest first"}
      </span>
      <span class="spacer" />
      {state.cursor && (
        <Link class="button" href={listHref({ ...state, cursor: "" })}>
          Newest
        </Link>
      )}
      {next && (
        <Link class="button" href={listHref({ ...state, cursor: next, live: false })}>
          Older
        </Link>
      )}
    </nav>
  );
}
