/** What boards are made of. `$__rate_interval` in an expression is Grafana's own. */

export interface Query {
  expr: string
  /** Legend; `{{label}}` is replaced by the label's value. */
  legend: string
}

export interface Panel {
  title: string
  /** What to look for; shown at the panel's title. */
  about: string
  /** https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
  unit: 'short' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'currencyUSD' | 'reqps' | 'd'
  /** `number`: the newest value, large. By default lines over time. */
  kind?: 'number'
  queries: readonly Query[]
}

export interface Board {
  /** Of its file and its address. */
  name: string
  title: string
  about: string
  panels: readonly Panel[]
}

/** The replicas that are chosen on the board. */
export const chosen = 'instance=~"$instance"'
export const rate = (metric: string, by: string, labels = '') =>
  `sum by (${by}) (rate(${metric}{${chosen}${labels}}[$__rate_interval]))`
export const quantile = (share: number, metric: string, by = '') =>
  `histogram_quantile(${share}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket{${chosen}}[$__rate_interval])))`
export const one = (expr: string, legend: string): readonly Query[] => [{ expr, legend }]

/** p50, p95 and p99 of a histogram. */
export const quantiles = (metric: string): readonly Query[] =>
  [0.5, 0.95, 0.99].map((share) => ({ expr: quantile(share, metric), legend: `p${share * 100}` }))

export const costOfADay: Panel = {
  title: 'Cost of the last 24 hours',
  about: 'US dollars at list price; the invoice may have discounts.',
  unit: 'currencyUSD',
  kind: 'number',
  queries: one(`sum(increase(image_mcp_azure_cost_usd_total{${chosen}}[24h]))`, 'cost'),
}
