import type { ComponentChildren } from "preact";

type IconProps = { readonly class?: string };

const stroke =
  (content: ComponentChildren) =>
  ({ class: className }: IconProps) => (
    <svg
      class={`icon ${className ?? ""}`}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {content}
    </svg>
  );

export const ShieldIcon = stroke(
  <>
    <path d="M8 1.8 13 3.6v4c0 3-2 5.3-5 6.6-3-1.3-5-3.6-5-6.6v-4z" />
    <path d="m5.9 7.9 1.5 1.5 2.7-2.9" />
  </>,
);
export const ErrorIcon = stroke(
  <>
    <circle cx="8" cy="8" r="6.2" />
    <path d="M8 4.8v3.8M8 11.2v.1" />
  </>,
);
export const CaretIcon = stroke(<path d="m6 4 4 4-4 4" />);
export const CopyIcon = stroke(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5.5v-1A1.5 1.5 0 0 0 9 3H4a1.5 1.5 0 0 0-1.5 1.5V9A1.5 1.5 0 0 0 4 10.5h1.5" />
  </>,
);
export const CheckIcon = stroke(<path d="m3 8.5 3.2 3.2L13 5" />);
export const CloseIcon = stroke(<path d="m4 4 8 8m0-8-8 8" />);
export const RefreshIcon = stroke(
  <>
    <path d="M13.2 8a5.2 5.2 0 1 1-1.6-3.8" />
    <path d="M13.4 2v3h-3" />
  </>,
);
export const SunIcon = stroke(
  <>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />
  </>,
);
export const MoonIcon = stroke(<path d="M13.3 9.6A5.6 5.6 0 0 1 6.4 2.7a5.6 5.6 0 1 0 6.9 6.9z" />);
export const SystemIcon = stroke(
  <>
    <rect x="1.8" y="2.8" width="12.4" height="8.4" rx="1.4" />
    <path d="M5.5 13.6h5" />
  </>,
);
export const LogIcon = stroke(<path d="M3 4h10M3 8h10M3 12h6" />);
export const ArrowIcon = stroke(<path d="M3 8h10m-4-4 4 4-4 4" />);
