import { before, type TestContext, test } from 'node:test'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { docker, requireImage } from '../support/containers.ts'
import { idIn } from '../support/library-round.ts'
import { buildStandIns, hasNetworks, startProductionStack } from '../support/production-stack.ts'
import { waitFor } from '../support/wait-for.ts'

before(requireImage)

const limitMs = 300_000
const REPLICAS = 3

const TargetsSchema = Type.Object({
  data: Type.Object({ activeTargets: Type.Array(Type.Object({ health: Type.String() })) }),
})
const InspectedSchema = Type.Object({
  Config: Type.Object({ Env: Type.Array(Type.String()) }),
  HostConfig: Type.Object({ ReadonlyRootfs: Type.Boolean(), CapDrop: Type.Array(Type.String()) }),
})

test('the overlays for production and replicas are one stack: TLS, keys, shared images, metrics, and a restart that loses no call', {
  timeout: 1_200_000,
}, async (t: TestContext) => {
  // The stack's files are about networks: without any there is nothing to start. image.container.ts runs everywhere.
  if (!(await hasNetworks())) return t.skip('this engine has no bridge networks')
  await buildStandIns()
  await using stack = await startProductionStack(t)
  const replicas = await stack.replicas()
  t.assert.strictEqual(replicas.length, REPLICAS)

  t.assert.strictEqual((await stack.call('find_images', {}, 'another-key-of-a-client')).status, 401)
  const { response } = await stack.call('generate_image', { prompt: 'a lighthouse', size: '256x256' })
  const [text, made] = response.result?.content ?? []
  t.assert.match(text?.text ?? '', /^Image successfully generated\./, JSON.stringify(response))
  const id = idIn(JSON.stringify(response))

  for (const name of [
    ...replicas,
    ...(await stack.compose('ps', '--format', '{{.Name}}', 'nginx', 'prometheus')).trim().split('\n'),
  ]) {
    const { Config, HostConfig } = Value.Parse(
      InspectedSchema,
      JSON.parse(await docker('inspect', '--format', '{{json .}}', name)),
    )
    t.assert.deepStrictEqual([HostConfig.ReadonlyRootfs, HostConfig.CapDrop], [true, ['ALL']], name)
    t.assert.doesNotMatch(Config.Env.join('\n'), /simulated-key|a-key-of-a-client|a-password|s{32}/)
  }

  await waitFor(
    'metrics of all replicas',
    async () => {
      const { data } = Value.Parse(TargetsSchema, await (await fetch(`${stack.prometheus}/api/v1/targets`)).json())
      return data.activeTargets.filter(({ health }) => health === 'up').length === REPLICAS
    },
    { limitMs },
  )

  const sentBefore = await stack.requestsToAzure()
  const calls = Array.from({ length: 2 * REPLICAS }, (_, n) =>
    stack.call('generate_image', { prompt: `a gull ${n} fault:slow=5000`, size: '256x256' }),
  )
  await waitFor('the requests to Azure', async () => (await stack.requestsToAzure()) >= sentBefore + calls.length, {
    limitMs,
  })
  await docker('restart', await busiestOf(replicas))
  for (const { response } of await Promise.all(calls)) {
    t.assert.strictEqual(response.result?.content[1]?.type, 'image', JSON.stringify(response))
  }
  await stack.compose('up', '--detach', '--no-build', '--wait')

  const again = await waitFor(
    'the shared image',
    async () => {
      const { response } = await stack.call('get_image', { id, as: 'image' })
      return response.result
    },
    { limitMs },
  )
  t.assert.ok(again.content.some(({ data }) => data !== undefined && data === made?.data))
})

async function busiestOf(replicas: readonly string[]): Promise<string> {
  const calls = await Promise.all(replicas.map(async (name) => ({ name, running: await callsInFlight(name) })))
  return calls.reduce((busiest, one) => (one.running > busiest.running ? one : busiest)).name
}

async function callsInFlight(replica: string): Promise<number> {
  const script = "fetch('http://127.0.0.1:8000/metrics').then((response) => response.text()).then(console.log)"
  const metrics = await docker('exec', replica, 'node', '-e', script)
  return Number(/^image_mcp_tool_calls_in_flight (\d+)$/m.exec(metrics)?.[1])
}
