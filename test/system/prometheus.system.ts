import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { listen } from '../support/app.ts'
import { freePorts } from '../support/free-ports.ts'
import { startSimulator } from '../support/simulator.ts'
import { requireProgram, root, run, startProgram, toolCall } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const shipped = join(root, 'deploy/prometheus')

/** The service with the simulator, after a successful call, a rejected one and an unknown method. */
async function busyService(t: TestContext): Promise<string> {
  const simulator = await startSimulator(t)
  const { url } = await listen(t, { AZURE_BASE_URL: simulator.url, AZURE_API_KEY: 'simulated-key' })
  const calls = [
    toolCall('generate_image', { prompt: 'A lighthouse', size: '256x256', output_path: 'lighthouse.png' }),
    toolCall('generate_image', { prompt: 'A lighthouse fault:content-filter' }),
    { jsonrpc: '2.0', id: 1, method: 'no/such/method' },
  ]
  for (const call of calls) {
    const headers = { 'content-type': 'application/json' }
    await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(call) })).arrayBuffer()
  }
  return url
}

const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text()

describe('promtool', { concurrency: true }, () => {
  before(() => requireProgram('promtool'))

  test("has no complaints about the service's own series", async (t: TestContext) => {
    const own = (await metricsOf(await busyService(t))).split('\n').filter((line) => line.includes('image_mcp_'))
    const check = spawn('promtool', ['check', 'metrics'])
    check.stdin.end(`${own.join('\n')}\n`)
    const [stdout, stderr, [code]] = await Promise.all([
      check.stdout.toArray(),
      check.stderr.toArray(),
      once(check, 'close'),
    ])
    t.assert.equal(Buffer.concat([...stdout, ...stderr]).toString(), '')
    t.assert.equal(code, 0)
    t.assert.ok(own.length > 50)
  })

  test('accepts the configurations and the rules, which ask for their job', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    await cp(shipped, folder, { recursive: true })
    const inCluster = await readFile(join(shipped, 'prometheus.kubernetes.yml'), 'utf8')
    const [job, ...others] = parse(inCluster).scrape_configs
    t.assert.deepEqual([job.job_name, others], ['azure-image-editor', []])
    // Debian's Prometheus is built without the discovery of pods: it sees all but that.
    const { kubernetes_sd_configs: discovery, ...rest } = job
    t.assert.deepEqual(discovery, [{ role: 'pod', namespaces: { names: ['image-editor'] } }])
    const known = { ...parse(inCluster), scrape_configs: [{ ...rest, static_configs: [{ targets: ['a:9000'] }] }] }
    await writeFile(join(folder, 'prometheus.kubernetes.yml'), JSON.stringify(known))
    for (const name of ['prometheus.yml', 'prometheus.replicas.yml', 'prometheus.kubernetes.yml']) {
      const config = await run('promtool', ['check', 'config', join(folder, name)])
      t.assert.match(config.stdout, /is valid prometheus config/)
    }
    const rules = await run('promtool', ['check', 'rules', join(shipped, 'alerts.yml')])
    t.assert.match(rules.stdout, /\d+ rules found/)
  })

  test('sees each alert fire exactly when it should', async (t: TestContext) => {
    for (const tests of ['alerts.test.yml', 'alerts.week.test.yml']) {
      const { stdout } = await run('promtool', ['test', 'rules', join(shipped, tests)])
      t.assert.match(stdout, /SUCCESS/)
    }
  })
})

describe('the alert rules', () => {
  const rules = async (): Promise<{ alert: string; expr: string; annotations: { runbook?: string } }[]> =>
    parse(await readFile(join(shipped, 'alerts.yml'), 'utf8')).groups[0].rules

  test('query series that exist', async (t: TestContext) => {
    const exposed = await metricsOf(await busyService(t))
    for (const { alert, expr } of await rules()) {
      for (const [name] of expr.matchAll(/\b(image_mcp|process|nodejs)_\w+/g)) {
        t.assert.ok(new RegExp(`^(?:# TYPE )?${name}[{ ]`, 'm').test(exposed), `${alert} asks for ${name}`)
      }
    }
  })

  test('keep the job of the service, by which the overview finds those of a chosen one', async (t: TestContext) => {
    for (const { alert, expr } of await rules()) {
      for (const [, labels = ''] of expr.matchAll(/\bby \(([^)]*)\)/g)) t.assert.match(labels, /\bjob\b/, alert)
      t.assert.doesNotMatch(expr, /\b(?:sum|min|max|avg|count) ?\(/, alert)
    }
  })

  test('each have a unit test, and are in both guides and runbooks', async (t: TestContext) => {
    const tests = 'deploy/prometheus/alerts.test.yml'
    const pages = ['docs/deployment.md', 'docs/deployment.zh-CN.md', 'docs/runbook.md', 'docs/runbook.zh-CN.md']
    for (const place of [tests, ...pages]) {
      const more = place === tests ? await readFile(join(shipped, 'alerts.week.test.yml'), 'utf8') : ''
      const text = more + (await readFile(join(root, place), 'utf8'))
      for (const { alert } of await rules()) {
        const named =
          text.includes(alert) || (place.endsWith('.yml') && /^Azure/.test(alert) && text.includes('Azure.*'))
        t.assert.ok(named, `${alert} in ${place}`)
      }
    }
  })

  for (const [page, ...parts] of [
    ['docs/runbook.md', 'Means', 'Look at', 'Do'],
    ['docs/runbook.zh-CN.md', '含义', '查看', '处理'],
  ] as const) {
    test(`each have a section of ${page}, to which they lead and which says what to do, and no other has one`, async (t: TestContext) => {
      const text = await readFile(join(root, page), 'utf8')
      const sections = text.split(/^## /m).slice(1)
      const shippedRules = await rules()
      t.assert.deepEqual(
        sections.map((section) => section.split('\n')[0]).sort(),
        shippedRules.map(({ alert }) => alert).sort(),
      )
      for (const section of sections) {
        for (const part of parts) t.assert.match(section, new RegExp(`^\\*\\*${part}\\*\\*[:：] ?\\S`, 'm'))
      }
      for (const { alert, annotations } of shippedRules) {
        t.assert.equal(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`)
      }
    })
  }
})

test('Prometheus with the shipped configuration scrapes the service and serves a query', async (t: TestContext) => {
  await requireProgram('prometheus')
  const service = await busyService(t)
  const folder = await temporaryFolder(t)
  await cp(shipped, folder, { recursive: true })
  const config = await readFile(join(folder, 'prometheus.yml'), 'utf8')
  t.assert.match(config, /"azure-image-editor:8000"/)
  await writeFile(join(folder, 'prometheus.yml'), config.replace('azure-image-editor:8000', new URL(service).host))

  const [port = 0] = await freePorts(1)
  const prometheus = startProgram(t, 'prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ])
  const ask = async <T>(path: string): Promise<T> => {
    const response = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as { data: T }
    return response.data
  }
  const value = async (expression: string): Promise<string | undefined> => {
    const path = `query?query=${encodeURIComponent(expression)}`
    return (await ask<{ result: { value: [number, string] }[] }>(path)).result[0]?.value[1]
  }

  // The first scrape happens within one interval of 15 s.
  const options = { limitMs: 60_000, explain: () => prometheus.said }
  const calls = 'sum(image_mcp_tool_calls_total{job="azure-image-editor", tool="generate_image"})'
  t.assert.equal(await waitFor('the first scrape', () => value(calls), options), '2')
  t.assert.equal(await value('up{job="azure-image-editor"}'), '1')
  t.assert.equal(await value('image_mcp_images_saved_total'), '1')
  t.assert.equal(await value('image_mcp_rpc_requests_total{outcome="method_not_found"}'), '1')

  type Groups = { groups: { rules: { name: string; health: string }[] }[] }
  const evaluated = await waitFor(
    'the rules to be evaluated',
    async () => {
      const rules = (await ask<Groups>('rules')).groups[0]?.rules ?? []
      return rules.every(({ health }) => health === 'ok') ? rules.length : undefined
    },
    options,
  )
  t.assert.ok(evaluated >= 10)
})
