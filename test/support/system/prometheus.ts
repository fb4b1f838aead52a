import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { freePorts } from '../free-ports.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { requireProgram, root, run, startProgram } from './processes.ts'

/** A real Prometheus that scrapes services every second, if asked with the shipped alerts. */

const Labels = Type.Record(Type.String(), Type.String())
const ValuesSchema = Type.Object({
  data: Type.Object({
    result: Type.Array(
      Type.Object({
        metric: Labels,
        value: Type.Optional(Type.Tuple([Type.Number(), Type.String()])),
        values: Type.Optional(Type.Array(Type.Tuple([Type.Number(), Type.String()]))),
      }),
    ),
  }),
})
export type Series = Static<typeof ValuesSchema>['data']['result'][number]

const AlertsSchema = Type.Object({
  data: Type.Object({
    alerts: Type.Array(Type.Object({ labels: Labels, annotations: Labels, state: Type.String() })),
  }),
})
export type Alert = Static<typeof AlertsSchema>['data']['alerts'][number]

const ExemplarsSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      exemplars: Type.Array(Type.Object({ labels: Labels })),
    }),
  ),
})

export interface Prometheus {
  /** The newest value of each series. @throws Error with Prometheus' own words for an invalid expression */
  query(expr: string): Promise<readonly Series[]>
  /** Values of the last seconds, one a second. */
  queryRange(expr: string, seconds: number): Promise<readonly Series[]>
  /** The ids of the traces that series name. */
  exemplars(expr: string): Promise<readonly string[]>
  /** The alerts that fire, those of the last evaluation. */
  firing(): Promise<readonly Alert[]>
}

export interface PrometheusOptions {
  /** The shipped rules are evaluated every second; they fire at once, whatever their `for` is. */
  hasAlerts?: boolean
  /** What it has scraped before, as OpenMetrics with times. */
  history?: string
}

export async function startPrometheus(
  t: TestContext,
  services: readonly string[],
  { hasAlerts = false, history }: PrometheusOptions = {},
): Promise<Prometheus> {
  await requireProgram('prometheus')
  const [port = 0] = await freePorts(1)
  const folder = await temporaryFolder(t)
  const targets = services.map((url) => new URL(url).host)
  // JSON is YAML.
  const file = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content))
  if (hasAlerts) await file('alerts.yml', await eagerRules())
  await file('prometheus.yml', {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: hasAlerts ? ['alerts.yml'] : [],
    scrape_configs: [{ job_name: 'azure-image-editor', static_configs: [{ targets }] }],
  })
  const data = join(folder, 'data')
  if (history !== undefined) {
    await writeFile(join(folder, 'history.txt'), history)
    await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'history.txt'), data])
  }
  const program = startProgram(t, 'prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
    '--enable-feature=exemplar-storage',
  ])
  const ask = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const body: unknown = await response.json()
    if (!response.ok) throw new Error(JSON.stringify(body))
    return body
  }
  const values = async (...request: Parameters<typeof ask>) =>
    Value.Parse(ValuesSchema, await ask(...request)).data.result
  const query = (expr: string) => values('query', { query: expr })
  await waitFor('the first scrape', async () => (await query('up == 1')).length === targets.length, {
    explain: () => program.said,
  })
  return {
    query,
    queryRange(expr, seconds) {
      const end = Date.now() / 1000
      return values('query_range', { query: expr, start: String(end - seconds), end: String(end), step: '1' })
    },
    async exemplars(expr) {
      const end = Date.now() / 1000
      const range = { query: expr, start: String(end - 600), end: String(end + 60) }
      const { data } = Value.Parse(ExemplarsSchema, await ask('query_exemplars', range))
      return data.flatMap((series) => series.exemplars.flatMap(({ labels }) => labels.trace_id ?? []))
    },
    async firing() {
      const { alerts } = Value.Parse(AlertsSchema, await ask('alerts')).data
      return alerts.filter(({ state }) => state === 'firing')
    },
  }
}

async function eagerRules(): Promise<object> {
  const shipped: { groups: { rules: object[] }[] } = parse(
    await readFile(join(root, 'deploy/prometheus/alerts.yml'), 'utf8'),
  )
  for (const group of shipped.groups) group.rules = group.rules.map((rule) => ({ ...rule, for: '0s' }))
  return shipped
}
