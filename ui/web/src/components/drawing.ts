// What drawings over time have in common: their width, the theme's changes, the pointer and a drag that marks a span.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { timeTicks } from "../lib/ticks";
import type { Span, Zone } from "../lib/time-range";
import { onThemeChange } from "./colors";

/** A drag shorter than this is a click; pixels. */
export const DRAG_MIN = 4;

/** The element's inner width in pixels; 0 until it is known. */
export function useWidth(box: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Another number for each change of the theme, after which colours have to be read anew. */
export function useThemeCount(): number {
  const [theme, setTheme] = useState(0);
  useEffect(() => onThemeChange(() => setTheme((n) => n + 1)), []);
  return theme;
}

/** A span of a drawing, both ends from 0 to 1. */
export type Shares = readonly [from: number, to: number];

/** The pointer over a drawing that begins `gutter` pixels from the left of its box. */
export function useBrush(box: RefObject<HTMLElement | null>, width: number, gutter: number, onBrush: (shares: Shares) => void) {
  // `share` from 0 to 1, `top` in pixels from the box's.
  const [hover, setHover] = useState<{ readonly share: number; readonly top: number } | null>(null);
  const [drag, setDrag] = useState<Shares | null>(null);
  const room = Math.max(1, width - gutter);
  const shareOf = (event: MouseEvent) => Math.min(1, Math.max(0, (event.clientX - (box.current?.getBoundingClientRect().left ?? 0) - gutter) / room));
  return {
    hover,
    /** Where the brush stands, in pixels; `null` without one. */
    brush: drag && drag[0] !== drag[1] ? { left: gutter + Math.min(...drag) * room, width: Math.abs(drag[1] - drag[0]) * room } : null,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        if (event.button === 0 && event.currentTarget instanceof Element) {
          event.currentTarget.setPointerCapture(event.pointerId);
          const share = shareOf(event);
          setDrag([share, share]);
        }
      },
      onPointerMove: (event: PointerEvent) => {
        const share = shareOf(event);
        setHover({ share, top: event.clientY - (box.current?.getBoundingClientRect().top ?? 0) });
        setDrag((current) => (current ? [current[0], share] : null));
      },
      onPointerUp: () => {
        if (drag && Math.abs(drag[1] - drag[0]) * room >= DRAG_MIN) {
          onBrush(drag);
        }
        setDrag(null);
      },
      onPointerCancel: () => setDrag(null),
      onPointerLeave: () => setHover(null),
    },
  };
}

/** The context of a canvas made as large as its pixels on the screen are many, with the page's small type. */
export function canvasContext(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (context) {
    context.scale(ratio, ratio);
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = "middle";
  }
  return context;
}

/** One tick at most in so many pixels. */
const TICK_ROOM = 110;

/** Ticks and their times below the line at `floor`, from `gutter` to `width`; all in pixels. */
export function drawTimeAxis(
  context: CanvasRenderingContext2D,
  { span, zone, gutter, width, floor }: { readonly span: Span; readonly zone: Zone; readonly gutter: number; readonly width: number; readonly floor: number },
  colors: { readonly "--line-strong": string; readonly "--ink-3": string },
): void {
  const plot = width - gutter;
  context.textAlign = "center";
  for (const tick of timeTicks(span, Math.max(2, Math.floor(plot / TICK_ROOM)), zone)) {
    const at = Math.round(gutter + ((tick.time - span.start) / (span.end - span.start)) * plot);
    context.fillStyle = colors["--line-strong"];
    context.fillRect(at, floor, 1, 4);
    context.fillStyle = colors["--ink-3"];
    const half = context.measureText(tick.label).width / 2;
    context.fillText(tick.label, Math.min(Math.max(at, gutter + half), width - half), floor + 11);
  }
}
