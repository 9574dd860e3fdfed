/** What a page says when it has nothing to show. */

import type { ComponentChildren } from "preact";
import type { Problem } from "../api";
import { ErrorIcon } from "./icons";

export function ProblemPanel({ problem, retry }: { readonly problem: Problem; readonly retry: () => void }) {
  return (
    <div class="state problem" role="alert">
      <ErrorIcon class="state-icon" />
      <div>
        <h2>{problem.title}</h2>
        {problem.detail && <p>{problem.detail}</p>}
        <p class="actions">
          <button type="button" class="button" onClick={retry}>
            Try again
          </button>
          {problem.status > 0 && <span class="faint">HTTP {problem.status}</span>}
        </p>
      </div>
    </div>
  );
}

export function Notice({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="state notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <div class="state loading" role="status">
      <span class="spinner" aria-hidden="true" /> Loading {what}…
    </div>
  );
}
