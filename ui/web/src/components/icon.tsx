// Line icons, 16 px, drawn in the text's colour. They are decoration: the control beside them carries the name.

const PATHS = {
  logs: "M2.5 3.5h3M2.5 8h3M2.5 12.5h3M7.5 3.5h6M7.5 8h6M7.5 12.5h4",
  metrics: "M2 13.5h12M3 10.5l3-4 2.5 2 4.5-6",
  alerts: "M8 1.8c.4 2.6 3.9 3.9 3.9 8a3.9 3.9 0 0 1-7.8 0c0-1.6.7-2.8 1.5-3.5 0 1.1.4 1.9 1.2 2.2C6.7 6.3 7.1 3.7 8 1.8zM3.5 14.7h9",
  inputs: "M8 2v7M5 6.5L8 9.5l3-3M2.5 10v3.5h11V10",
  storage: "M8 2.3c3 0 5.3.9 5.3 2s-2.3 2-5.3 2-5.3-.9-5.3-2 2.3-2 5.3-2zM2.7 4.3v7.4c0 1.1 2.3 2 5.3 2s5.3-.9 5.3-2V4.3M2.7 8c0 1.1 2.3 2 5.3 2s5.3-.9 5.3-2",
  clock: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 5v3.3l2.2 1.3",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  stop: "M4.5 4.5h7v7h-7z",
  live: "M8 7a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3.2 12.8a6.8 6.8 0 0 1 0-9.6M12.8 3.2a6.8 6.8 0 0 1 0 9.6",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  column: "M2.5 3h11v10h-11zM6.5 3v10",
  chevron: "M6 3.5L10.5 8 6 12.5",
  close: "M4 4l8 8M12 4l-8 8",
  filter: "M2.5 3.5h11L9.5 8.5v4l-3 1v-5z",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13.5 2v3h-3",
  around: "M8 1.5v4M6 3.7l2 2 2-2M8 14.5v-4M6 12.3l2-2 2 2M2.5 8h11",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z",
  system: "M2 3h12v8H2zM6 13.5h4",
  help: "M6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.7-.8 1.4M8 11.8v.2",
  zoomOut: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2M5 7h4",
  only: "M2.5 3h11v10h-11zM6 3v10M10 3v10M7.2 8h1.6",
  box: "M8 1.8l5.5 2.9v6.6L8 14.2l-5.5-2.9V4.7zM2.7 4.8L8 7.6l5.3-2.8M8 7.6v6.4",
  download: "M8 2v8M5 7.5L8 10.5l3-3M2.5 13.5h11",
  saved: "M4 2.5h8v11l-4-3-4 3z",
  explain: "M2.5 3h5v3.5h-5zM8.5 9.5h5V13h-5zM5 6.5v4.8h3.5",
  browse: "M2.5 3h4v10h-4zM9.5 4.5h4M9.5 8h4M9.5 11.5h4",
  find: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  newest: "M4 3v10M1.8 10.8L4 13l2.2-2.2M8.5 4h5M8.5 8h4M8.5 12h2",
  oldest: "M4 13V3M1.8 5.2L4 3l2.2 2.2M8.5 4h2M8.5 8h4M8.5 12h5",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  trash: "M3 4.5h10M6 4.5V2.8h4v1.7M4.5 4.5l.6 9h5.8l.6-9",
  link: "M7 9a2.5 2.5 0 0 0 3.6 0l2-2A2.5 2.5 0 0 0 9 3.4l-.7.7M9 7a2.5 2.5 0 0 0-3.6 0l-2 2A2.5 2.5 0 0 0 7 12.6l.7-.7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
