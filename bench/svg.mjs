// Small plots with two logarithmic axes, as SVG text.
const WIDTH = 380;
const HEIGHT = 200;
const COLUMNS = 2;
const LEFT = 42;
const RIGHT = 12;
const TOP = 30;
const BOTTOM = 36;
const COLORS = { "socket.io": "#9a6700", portage: "#0969da" };

/** Formats a number: 1, 10k, 1M. */
function short(value) {
  if (value >= 1_000_000) return `${value / 1_000_000}M`;
  if (value >= 1000) return `${value / 1000}k`;
  return String(value);
}

/** Returns the powers of ten around the values. */
function bounds(values) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))];
}

function scale([low, high], from, to) {
  return (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
}

function panel({ title, x, lines }, left, top) {
  const points = Object.values(lines).flat();
  const xBounds = bounds(points.map(([count]) => count));
  const yBounds = bounds(points.map(([, figure]) => figure));
  const toX = scale(xBounds, LEFT, WIDTH - RIGHT);
  const toY = scale(yBounds, HEIGHT - BOTTOM, TOP);
  const parts = [`<text x="${LEFT}" y="16" class="title">${title}</text>`];
  for (let power = xBounds[0]; power <= xBounds[1]; power += 1) {
    const at = toX(10 ** power).toFixed(1);
    parts.push(`<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" class="grid"/>`);
    parts.push(
      `<text x="${at}" y="${HEIGHT - BOTTOM + 13}" class="tick" text-anchor="middle">${short(10 ** power)}</text>`,
    );
  }
  for (let power = yBounds[0]; power <= yBounds[1]; power += 1) {
    const at = toY(10 ** power).toFixed(1);
    parts.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" class="grid"/>`);
    parts.push(
      `<text x="${LEFT - 5}" y="${at}" dy="3" class="tick" text-anchor="end">${short(Number((10 ** power).toPrecision(1)))}</text>`,
    );
  }
  parts.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" class="tick" text-anchor="middle">${x}</text>`);
  for (const [name, figures] of Object.entries(lines)) {
    const path = figures.map(([count, figure]) => `${toX(count).toFixed(1)} ${toY(figure).toFixed(1)}`);
    parts.push(`<path d="M${path.join("L")}" fill="none" stroke="${COLORS[name]}" stroke-width="2"/>`);
    for (const point of path) {
      const [cx, cy] = point.split(" ");
      parts.push(`<circle cx="${cx}" cy="${cy}" r="2.5" fill="${COLORS[name]}"/>`);
    }
  }
  return `<g transform="translate(${left} ${top})">${parts.join("")}</g>`;
}

/** @param panels of `{ title, x, lines: { name: [[x, y], ...] } }` */
export function plot(panels) {
  const rows = Math.ceil(panels.length / COLUMNS);
  const height = rows * HEIGHT + 24;
  const width = COLUMNS * WIDTH;
  const drawn = panels.map((one, index) =>
    panel(one, (index % COLUMNS) * WIDTH, 24 + Math.floor(index / COLUMNS) * HEIGHT),
  );
  const legend = Object.entries(COLORS).map(
    ([name, color], index) => `<text x="${LEFT + index * 90}" y="16" class="title" fill="${color}">● ${name}</text>`,
  );
  const style =
    ".title{font:600 11px sans-serif}.tick{font:10px sans-serif;fill:#57606a}.grid{stroke:#d0d7de;stroke-width:.5;fill:none}";
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<style>${style}</style><rect width="100%" height="100%" fill="#fff"/>${legend.join("")}${drawn.join("\n")}</svg>\n`
  );
}
