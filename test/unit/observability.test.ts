import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { METRICS } from "@portage/server/metrics";

const read = (name: string): string =>
  readFileSync(new URL(`../../packages/server/observability/${name}`, import.meta.url), "utf8");

/** The names of all samples that a server may have. */
const SAMPLES: ReadonlySet<string> = new Set(
  METRICS.flatMap(({ name, kind }) => {
    if (kind === "histogram") return [`${name}_bucket`, `${name}_count`, `${name}_sum`];
    return kind === "counter" ? [`${name}_total`] : [name];
  }),
);
/** The labels of each sample. */
const LABELS = new Map(
  METRICS.flatMap(({ name, labels }) => ["", "_total", "_bucket"].map((end) => [name + end, labels])),
);

test.each(["alerts.yml", "alerts.test.yml", "grafana-dashboard.json"])("%s names only samples that exist", (file) => {
  const names = [...read(file).matchAll(/\bportage_\w+/g)].map(([name]) => name);
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !SAMPLES.has(name))).toEqual([]);
});

test.each(["alerts.yml", "grafana-dashboard.json"])("%s selects by labels that the samples have", (file) => {
  const selectors = [...read(file).matchAll(/\b(portage_\w+)\{([^}]*)\}/g)];
  expect(selectors.length).toBeGreaterThan(3);
  for (const [, name, selector] of selectors) {
    const labels = [...selector!.matchAll(/(\w+)=/g)].map(([, label]) => label!);
    expect(["job", "instance", ...LABELS.get(name!)!]).toEqual(expect.arrayContaining(labels));
  }
});

test("there are eleven alerts, and a firing and a calm series for each", () => {
  const alerts = [...read("alerts.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  expect(new Set(alerts).size).toBe(11);
  for (const alert of alerts) {
    for (const state of ["firing", "calm"]) expect(read("alerts.test.yml")).toContain(`# ${alert}: ${state}\n`);
  }
});

test("each alert says what to do", () => {
  const descriptions = [...read("alerts.yml").matchAll(/description: .What to do: (.+).$/gm)];
  expect(descriptions).toHaveLength(11);
});
