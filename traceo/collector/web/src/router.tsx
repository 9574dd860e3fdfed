import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Route, readRoute } from "./url";

const here = (): Route => readRoute(location.pathname, location.search);
const listeners = new Set<() => void>();

/** Goes to an address of this page. `replace` keeps the reader's history free of small steps. */
export function navigate(href: string, { replace = false }: { replace?: boolean } = {}): void {
  if (href === location.pathname + location.search) return;
  const samePage = new URL(href, location.href).pathname === location.pathname;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  for (const listener of listeners) listener();
  if (!samePage) scrollTo(0, 0);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const update = () => setRoute(here());
    listeners.add(update);
    addEventListener("popstate", update);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
    };
  }, []);
  return route;
}

type LinkProps = {
  readonly href: string;
  readonly class?: string;
  readonly label?: string;
  readonly current?: boolean;
  readonly children: ComponentChildren;
};

/** Stays in the page on a plain click; any other click is the browser's. */
export function follow(event: MouseEvent, href: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(href);
}

/** A real link, so that a middle click opens a tab; a plain click stays in the page. */
export function Link({ href, class: className, label, current, children }: LinkProps) {
  return (
    <a
      href={href}
      class={className}
      aria-label={label}
      aria-current={current ? "page" : undefined}
      onClick={(event) => follow(event, href)}
    >
      {children}
    </a>
  );
}
