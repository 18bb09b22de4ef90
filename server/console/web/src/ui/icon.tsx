// Icons of the console's own, as inline SVG. Words stand beside them: to a reader of the page they are not there.
const shapes = {
  overview: 'M3 13h5v8H3zM10 3h4v18h-4zM17 8h4v13h-4z',
  devices: 'M5 4h14v10H5zM9 18h6M12 14v4M8 8h3',
  events: 'M4 6h16M4 12h10M4 18h13',
  connections: 'M8 7v4a4 4 0 0 0 8 0V7zM10 3v4M14 3v4M12 15v6',
  jobs: 'M5 5h14v14H5zM8 12l3 3 5-6',
  configurations: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 5v4M7 15v4',
  metrics: 'M3 20h18M4 16l5-6 4 4 7-9',
  hub: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12L4 7.5M12 12v9',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7z',
  back: 'M15 5l-7 7 7 7',
  forth: 'M9 5l7 7-7 7',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  plus: 'M12 5v14M5 12h14',
  keys: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
