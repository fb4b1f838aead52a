/** What boards are made of. `$__rate_interval` in an expression is Grafana's own. */

export interface Query {
  expr: string
  /** Legend; `{{label}}` is replaced by the label's value. */
  legend: string
}

/** From which value on a number is orange or red. Where red is below orange, low values are bad. */
export interface Levels {
  orange?: number
  red?: number
}

export interface Panel {
  title: string
  /** What to look for; shown at the panel's title. */
  about: string
  /** https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
  unit: 'short' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'currencyUSD' | 'reqpm' | 'd'
  /** `number`: the value of now, large; `names`: the same with its legend, over half of the width. By default lines over time. */
  kind?: 'number' | 'names'
  /** Of a number. Without them it is neither good nor bad, and has no colour. */
  levels?: Levels
  queries: readonly Query[]
}

export interface Board {
  /** Of its file and its address. */
  name: string
  title: string
  about: string
  panels: readonly Panel[]
}

/** In columns of 24, and rows of 30 pixels. Numbers share one row. */
export function sizeOf(panel: Panel, { panels }: Board): { w: number; h: number } {
  if (panel.kind === undefined) return { w: 12, h: 8 }
  if (panel.kind === 'names') return { w: 12, h: 4 }
  return { w: 24 / panels.filter(({ kind }) => kind === 'number').length, h: 4 }
}

/** The colours of a number, each from its value on; the first one below all. */
export function colorsOf({ levels = {} }: Panel): { from: number | null; color: string }[] {
  const { orange, red } = levels
  if (orange === undefined && red === undefined) return [{ from: null, color: 'text' }]
  if (orange !== undefined && red !== undefined && red < orange) {
    return [
      { from: null, color: 'red' },
      { from: red, color: 'orange' },
      { from: orange, color: 'green' },
    ]
  }
  return [
    { from: null, color: 'green' },
    ...(orange === undefined ? [] : [{ from: orange, color: 'orange' }]),
    ...(red === undefined ? [] : [{ from: red, color: 'red' }]),
  ]
}

/** The service, and the replicas of it, that are chosen on the board. */
export const chosen = 'job=~"$job", instance=~"$instance"'
/** Events a minute: images take seconds, so that events a second would be fractions. */
export const perMinute = (metric: string, by: string, labels = '') =>
  `60 * sum by (${by}) (rate(${metric}{${chosen}${labels}}[$__rate_interval]))`
/** What was added in a time. Whole numbers, because `increase` extrapolates. */
export const added = (metric: string, time: string) => `round(sum(increase(${metric}{${chosen}}[${time}])))`
/** 0 where nothing was counted, which is nothing divided by nothing. */
export const share = (metric: string, labels: string, time: string) =>
  `(sum(rate(${metric}{${chosen}${labels}}[${time}])) / (sum(rate(${metric}{${chosen}}[${time}])) > 0)) or vector(0)`
export const quantile = (part: number, metric: string, by = '', time = '$__rate_interval') =>
  `histogram_quantile(${part}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket{${chosen}}[${time}])))`
export const one = (expr: string, legend: string): readonly Query[] => [{ expr, legend }]

/** p50, p95 and p99 of a histogram. */
export const quantiles = (metric: string): readonly Query[] =>
  [0.5, 0.95, 0.99].map((part) => ({ expr: quantile(part, metric), legend: `p${part * 100}` }))

/** The names under which something is counted; `none`, and 0, where there is nothing. */
export const names = (expr: string, label: string): readonly Query[] =>
  one(`${expr} or on () label_replace(vector(0), "${label}", "none", "", "")`, `{{${label}}}`)

export const costOfADay: Panel = {
  title: 'Cost of the last 24 hours',
  about: 'US dollars at list price; the invoice may have discounts.',
  unit: 'currencyUSD',
  kind: 'number',
  queries: one(`sum(increase(image_mcp_azure_cost_usd_total{${chosen}}[24h]))`, 'cost'),
}
