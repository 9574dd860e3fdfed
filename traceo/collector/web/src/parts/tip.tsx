/** One tooltip for the page. It repeats for the eye what its anchor already tells a screen reader. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

type Tip = {
  readonly content: ComponentChildren;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
};

let show: (tip: Tip | null) => void = () => undefined;

/** Shows `content` under (or, without room, above) the anchor, centred on `x` when given. */
export function openTip(anchor: Element, content: ComponentChildren, x?: number): void {
  const box = anchor.getBoundingClientRect();
  show({ content, x: x ?? box.left + box.width / 2, top: box.top, bottom: box.bottom });
}

export const closeTip = (): void => show(null);

/** The handlers that give an element a tooltip on hover, on focus, and on tap. */
export function tipOf(content: ComponentChildren) {
  const open = (event: Event) => openTip(event.currentTarget as Element, content);
  return { onMouseEnter: open, onFocus: open, onClick: open, onMouseLeave: closeTip, onBlur: closeTip };
}

const GAP = 8;

export function TipLayer() {
  const [tip, setTip] = useState<Tip | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    show = setTip;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && setTip(null);
    const onMove = () => setTip(null);
    addEventListener("keydown", onKey);
    addEventListener("scroll", onMove, { capture: true, passive: true });
    addEventListener("popstate", onMove);
    return () => {
      show = () => undefined;
      removeEventListener("keydown", onKey);
      removeEventListener("scroll", onMove, { capture: true });
      removeEventListener("popstate", onMove);
    };
  }, []);
  useLayoutEffect(() => {
    if (!tip || !box.current) return;
    const { width, height } = box.current.getBoundingClientRect();
    const left = Math.max(GAP, Math.min(tip.x - width / 2, innerWidth - width - GAP));
    const below = tip.bottom + GAP;
    const top = below + height + GAP <= innerHeight ? below : Math.max(GAP, tip.top - GAP - height);
    box.current.style.setProperty("transform", `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
  }, [tip]);
  if (!tip) return null;
  return (
    <div class="tip" ref={box} role="tooltip">
      {tip.content}
    </div>
  );
}
