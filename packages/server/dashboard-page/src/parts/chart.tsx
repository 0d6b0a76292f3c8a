/*
 * Lines over time: small ones in cards, a large one with axes, and the same as a sentence and as a table.
 * Knows: lines and units.
 * Must not know: which figures they are.
 */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Unit } from "../../../src/dashboard/wire.ts";
import { numberMarks, timeMarks } from "../axis.ts";
import { extentOf, pathOf, sampled, type Line, type Lines } from "../figures.ts";
import { formatMinute, formatSpan, formatTime, formatValue } from "../format.ts";
import { DataTable, type Column } from "./data-table.tsx";

/** A line of a chart. */
export interface Drawn {
  readonly name: string;
  readonly label: string;
  readonly unit: Unit;
}

const WIDTH = 240;
const HEIGHT = 56;
/** Pixels of a large chart: beside the lines, above them, of the lines, of all. */
const LEFT = 66;
const TOP = 8;
const INNER = 208;
const OUTER = 244;
/** Marks of a scale, beside 0. */
const MARKS = 5;
/** Rows of the table beside a chart. */
const MOST_ROWS = 12;

/** A small chart without axes. The sentence beside it says the same. */
export function Sparkline({ lines }: { lines: readonly Line[] }): JSX.Element {
  const most = Math.max(...lines.map((line) => extentOf(line)?.most ?? 0)) * 1.08;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {lines.map((line, index) => {
        const path = pathOf(line, { width: WIDTH, height: HEIGHT - 2, most });
        return (
          <g key={index} class={`line-${index}`}>
            {index === 0 && path !== "" && !line.includes(null) && (
              <path class="area" d={`${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
            )}
            <path class="line" d={path} />
          </g>
        );
      })}
    </svg>
  );
}

/** Says what a line shows. */
export function sentenceOfLine({ label, unit }: Drawn, line: Line, span: string): string {
  const extent = extentOf(line);
  if (extent === undefined) return `${label}: not known yet.`;
  const now = formatValue(line.at(-1), unit);
  const [least, most] = [formatValue(extent.least, unit), formatValue(extent.most, unit)];
  if (least === most) return `${label}: ${now} throughout ${span}.`;
  return `${label}: ${now} now, between ${least} and ${most} in ${span}.`;
}

interface Scale {
  readonly unit: Unit;
  readonly most: number;
  readonly isRight: boolean;
}

/** A scale for each unit: the first is written on the left, another one on the right. */
function scalesOf(lines: Lines, drawn: readonly Drawn[]): Scale[] {
  return [...new Set(drawn.map(({ unit }) => unit))].map((unit, index) => {
    const ofUnit = drawn.filter((each) => each.unit === unit);
    const most = Math.max(...ofUnit.map(({ name }) => extentOf(lines.values.get(name) ?? [])?.most ?? 0));
    return { unit, most: most * 1.08 || 1, isRight: index > 0 };
  });
}

interface FrameProps {
  lines: Lines;
  scales: readonly Scale[];
  width: number;
}

/** Where a time is, in pixels from the left of the lines. */
const placeOf = ({ times }: Lines, time: number, width: number): number => {
  const [from = 0, to = 1] = [times[0], times.at(-1)];
  return to === from ? 0 : ((time - from) / (to - from)) * width;
};

function Axes({ lines, scales, width }: FrameProps): JSX.Element {
  const { times } = lines;
  const offset = -new Date().getTimezoneOffset() * 60_000;
  const marks = timeMarks(times[0] ?? 0, times.at(-1) ?? 0, Math.max(2, Math.floor(width / 90)), offset);
  const write = marks.some((time) => time % 60_000 !== 0) ? formatTime : formatMinute;
  return (
    <g class="axes">
      {scales.map(({ unit, most, isRight }) =>
        [0, ...numberMarks(most, MARKS)].map((mark) => {
          const y = INNER - (mark / most) * INNER;
          return (
            <g key={`${unit} ${mark}`}>
              {!isRight && <line x1={0} x2={width} y1={y} y2={y} />}
              <text x={isRight ? width + 8 : -8} y={y + 4} text-anchor={isRight ? "start" : "end"}>
                {formatValue(mark, unit)}
              </text>
            </g>
          );
        }),
      )}
      {marks.map((time) => (
        <text key={time} x={placeOf(lines, time, width)} y={INNER + 20} text-anchor="middle">
          {write(time)}
        </text>
      ))}
    </g>
  );
}

/** Follows the width of an element. */
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

interface ReadoutProps {
  lines: Lines;
  drawn: readonly Drawn[];
  index: number | undefined;
}

/** The values under the pointer. */
function Readout({ lines, drawn, index }: ReadoutProps): JSX.Element {
  if (index === undefined) return <p class="readout dim">Point at the chart to read values.</p>;
  const values = drawn.map(({ name, label, unit }) => `${label} ${formatValue(lines.values.get(name)?.[index], unit)}`);
  return (
    <p class="readout">
      {formatTime(lines.times[index]!)}: {values.join(", ")}
    </p>
  );
}

/** A large chart with axes. */
export function Chart({ lines, drawn, label }: { lines: Lines; drawn: readonly Drawn[]; label: string }): JSX.Element {
  const [box, whole] = useWidth();
  const [pointed, point] = useState<number | undefined>(undefined);
  const scales = scalesOf(lines, drawn);
  const right = scales.length > 1 ? LEFT : 12;
  const width = Math.max(40, whole - LEFT - right);
  const last = lines.times.length - 1;
  const onPointerMove = (event: PointerEvent): void => {
    const share = (event.clientX - box.current!.getBoundingClientRect().left - LEFT) / width;
    point(Math.round(Math.max(0, Math.min(1, share)) * last));
  };
  const index = pointed !== undefined && last >= 0 ? Math.min(pointed, last) : undefined;
  const cursor = index === undefined ? undefined : (index / Math.max(1, last)) * width;
  return (
    <div class="chart" ref={box} onPointerMove={onPointerMove} onPointerLeave={() => point(undefined)}>
      <svg role="img" aria-label={label} width={whole} height={OUTER}>
        <g transform={`translate(${LEFT} ${TOP})`}>
          <Axes lines={lines} scales={scales} width={width} />
          {drawn.map(({ name, unit }, at) => {
            const { most } = scales.find((scale) => scale.unit === unit)!;
            return (
              <g key={name} class={`line-${at}`}>
                <path class="line" d={pathOf(lines.values.get(name) ?? [], { width, height: INNER, most })} />
              </g>
            );
          })}
          {cursor !== undefined && <line class="cursor" x1={cursor} x2={cursor} y1={0} y2={INNER} />}
        </g>
      </svg>
      <Readout lines={lines} drawn={drawn} index={index} />
    </div>
  );
}

/** The figures of a chart. */
export function ChartTable({
  lines,
  drawn,
  label,
}: {
  lines: Lines;
  drawn: readonly Drawn[];
  label: string;
}): JSX.Element {
  const names = drawn.map(({ name }) => name);
  const columns: Array<Column<readonly [number, Line]>> = [
    { title: "From", cell: ([time]) => formatTime(time) },
    ...drawn.map(({ label: title, unit }, index) => ({
      title,
      isNumber: true,
      cell: ([, values]: readonly [number, Line]) => formatValue(values[index], unit),
    })),
  ];
  const rows = sampled(lines, names, MOST_ROWS);
  const [newer, older] = [rows[0]?.[0], rows[1]?.[0]];
  const step =
    newer !== undefined && older !== undefined ? ` Each row is the mean of ${formatSpan(newer - older)}.` : "";
  return (
    <details class="figures">
      <summary>Figures as a table</summary>
      <p class="dim">The newest come first.{step}</p>
      <DataTable label={label} columns={columns} rows={rows} keyOf={([time]) => String(time)} none="None yet." />
    </details>
  );
}
