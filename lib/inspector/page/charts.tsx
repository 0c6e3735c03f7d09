import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { formatCount, formatMinute } from './format';
import { DARK, useMatches } from './media';

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Name of the custom property of the colour. */
  readonly color: string;
}

export interface ChartProps {
  readonly title: string;
  readonly minutes: readonly string[];
  readonly series: readonly Series[];
  readonly shape: 'bars' | 'lines';
  readonly format?: (value: number) => string;
}

const HEIGHT = 180;

/** Chart over the last hour, with its legend and its table. */
export function Chart(props: ChartProps) {
  const { title, minutes, series, format = formatCount } = props;
  const [cursor, setCursor] = useState<number>();
  const [isTableOpen, setIsTableOpen] = useState(false);
  const isEmpty = series.every(({ values }) => values.every(value => !value));
  const shown = cursor === undefined ? undefined : minutes[cursor];
  return (
    <section class="panel chart">
      <h3>{title}</h3>
      <div class="plot">
        <Plot {...props} onCursor={setCursor} />
        {isEmpty && <p class="plot-empty">None in the last hour</p>}
      </div>
      <ul class="legend">
        {series.map(({ name, values, color }) => {
          const value = cursor === undefined ? undefined : values[cursor];
          return (
            <li key={name}>
              <svg class="key" viewBox="0 0 10 10" aria-hidden="true">
                <rect width="10" height="10" rx="2" fill={`var(${color})`} />
              </svg>
              {name}
              {typeof value === 'number' && <b> {format(value)}</b>}
            </li>
          );
        })}
        <li class="legend-time">{shown ? formatMinute(shown) : ''}</li>
      </ul>
      <details onToggle={event => setIsTableOpen(event.currentTarget.open)}>
        <summary>Table: {title.toLowerCase()}</summary>
        {isTableOpen && <ChartTable {...props} />}
      </details>
    </section>
  );
}

function ChartTable({
  title,
  minutes,
  series,
  format = formatCount,
}: ChartProps) {
  const rows = minutes.map((minute, index) => ({ minute, index })).toReversed();
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            <th scope="col">Minute</th>
            {series.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ minute, index }) => (
            <tr key={minute}>
              <th scope="row">{formatMinute(minute)}</th>
              {series.map(({ name, values }) => {
                const value = values[index];
                return (
                  <td key={name}>
                    {typeof value === 'number' ? format(value) : '–'}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Plot({
  minutes,
  series,
  shape,
  format = formatCount,
  onCursor,
}: ChartProps & { readonly onCursor: (index: number | undefined) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useMatches(DARK);
  const names = series.map(({ name }) => name).join('\n');
  const plot = useRef<uPlot>(null);
  const data = plotData(minutes, series, shape);

  useEffect(() => {
    const element = place.current!;
    const style = getComputedStyle(element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color('--muted'),
      font: `12px ${style.fontFamily}`,
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [8, 28, 0, 0],
        scales: {
          x: { range: (_plot, min, max) => [min - 30, max + 30] },
          y: { range: (_plot, _min, max) => [0, Math.max(max ?? 0, 1) * 1.1] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            space: 64,
            size: 28,
            values: (_plot, times) =>
              times.map(time =>
                formatMinute(new Date(time * 1_000).toISOString()),
              ),
          },
          {
            ...axis,
            size: 60,
            incrs: [
              1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4,
              1e5, 1e6,
            ],
            values: (_plot, values) => values.map(value => format(value)),
          },
        ],
        series: [
          {},
          ...drawn(series, shape).map(({ color: name }) => {
            const stroke = color(name);
            return shape === 'bars'
              ? {
                  fill: stroke,
                  width: 0,
                  paths: uPlot.paths.bars!({ size: [0.7, 24] }),
                  points: { show: false },
                }
              : {
                  stroke,
                  width: 2,
                  spanGaps: false,
                  points: {
                    show: true,
                    size: 6,
                    fill: stroke,
                    filter: isolated,
                  },
                };
          }),
        ],
        hooks: {
          setCursor: [({ cursor: { idx } }) => onCursor(idx ?? undefined)],
        },
      },
      data,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [isDark, names, shape]);

  useEffect(() => plot.current?.setData(data), [minutes, series]);

  return <div ref={place} class="plot-place" aria-hidden="true" />;
}

/** Indexes of the values without neighbours, which no line shows. */
function isolated(plot: uPlot, series: number): number[] {
  const values = plot.data[series]!;
  const has = (index: number) => typeof values[index] === 'number';
  return [...values.keys()].filter(
    index => has(index) && !has(index - 1) && !has(index + 1),
  );
}

/** Series in the order in which they are drawn: the highest of stacked bars first. */
const drawn = (
  series: readonly Series[],
  shape: ChartProps['shape'],
): readonly Series[] => (shape === 'bars' ? series.toReversed() : series);

function plotData(
  minutes: readonly string[],
  series: readonly Series[],
  shape: ChartProps['shape'],
): uPlot.AlignedData {
  const times = minutes.map(minute => Date.parse(minute) / 1_000);
  if (shape === 'lines') {
    return [times, ...series.map(({ values }) => [...values])];
  }
  const sums = minutes.map(() => 0);
  const stacked = series.map(({ values }) =>
    values.map((value, index) => (sums[index]! += value ?? 0)),
  );
  return [times, ...stacked.toReversed()];
}
