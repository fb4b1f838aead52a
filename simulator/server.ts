import { parseArgs } from 'node:util'
import { createSimulator } from './app.ts'
import { faultNames } from './fault.ts'
import { models } from './models.ts'

const help = `Simulates the image routes of Azure AI Foundry.

  --host <address>            address to listen on (127.0.0.1)
  --port <number>             port, 0 for any free one (8010)
  --key <key>                 an accepted key; repeatable (simulated-key)
  --deployment <name>=<model> a deployment; repeatable (every model under its own name)
  --latency-ms <number>       minimum time to generate an image (0)
  --rpm <number>              requests per minute of each deployment (6000)
  --minute-ms <number>        length of that minute, to see quotas at work sooner (60000)
  --log                       log one line per request

Models: ${models.map(({ id }) => id).join(', ')}
To see a failure, put fault:<name> or fault:<name>=<number> into a prompt: ${faultNames.join(', ')}
`

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8010' },
    key: { type: 'string', multiple: true, default: ['simulated-key'] },
    deployment: { type: 'string', multiple: true, default: [] },
    'latency-ms': { type: 'string', default: '0' },
    rpm: { type: 'string', default: '6000' },
    'minute-ms': { type: 'string', default: '60000' },
    log: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const simulator = createSimulator({
    apiKeys: values.key,
    ...(values.deployment.length > 0 ? { deployments: readPairs(values.deployment) } : {}),
    latencyMs: Number(values['latency-ms']),
    rpm: Number(values.rpm),
    minuteMs: Number(values['minute-ms']),
    logger: values.log,
  })
  const url = await simulator.listen({ host: values.host, port: Number(values.port) })
  process.stdout.write(`Azure simulator listening on ${url} (images are simulated)\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close())
}

/** Parses `name=model`; a name alone deploys the model of that name. */
function readPairs(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => pair.split('=')).map(([name = '', model = name]) => [name, model]))
}

if (values.help) {
  process.stdout.write(help)
} else {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
