import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createSimulator } from './app.ts'

/** `npm run demo`: the service with the simulator in Azure's place, and two calls to paste. */

const host = '127.0.0.1'
const executable = fileURLToPath(new URL('../bin/azure-image-editor-mcp.js', import.meta.url))
const key = 'simulated-key'
const deployment = 'FLUX.1-Kontext-pro'

async function main(): Promise<void> {
  const imagesDir = resolve(process.env.IMAGES_DIR || 'images')
  await mkdir(imagesDir, { recursive: true })
  const simulator = createSimulator({ apiKeys: [key], deployments: { [deployment]: deployment } })
  const azure = await simulator.listen({ host, port: 0 })
  const port = await freePort(Number(process.env.MCP_SERVER_PORT || 8000))
  // An empty working directory, so that no .env file is read.
  const home = await mkdtemp(join(tmpdir(), 'image-demo-'))
  const service = startService(home, {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: deployment,
    MCP_SERVER_HOST: host,
    MCP_SERVER_PORT: String(port),
    IMAGES_DIR: imagesDir,
    LOG_LEVEL: process.env.LOG_LEVEL || 'warn',
  })
  const ended = once(service, 'exit')
  let isStopping = false
  const stop = (): void => {
    isStopping = true
    service.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)

  const url = `http://${host}:${port}`
  if (await isUp(url, service)) process.stdout.write(welcome(url, imagesDir))
  const [code] = await ended
  await simulator.close()
  await rm(home, { recursive: true, force: true })
  if (!isStopping) process.stderr.write(`The service exited unexpectedly (exit code ${code}).\n`)
  process.exitCode = isStopping ? 0 : 1
}

/** Passes on only what a process needs: variables of a real Azure must not reach the demo. */
function startService(cwd: string, variables: Record<string, string>): ChildProcess {
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TERM', 'COLORTERM', 'NO_COLOR', 'SystemRoot']
  const env = Object.fromEntries(inherited.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
  // In its own process group, so that Ctrl-C reaches only the demo, which then stops the service.
  const service = spawn(process.execPath, [executable], {
    cwd,
    env: { ...env, ...variables },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  process.once('exit', () => service.kill('SIGKILL'))
  return service
}

/** The preferred port, or any free one if that is in use. */
async function freePort(preferred: number): Promise<number> {
  const server = createServer()
  for (const port of [preferred, 0]) {
    const listening = once(server, 'listening')
    server.listen(port, host)
    try {
      await listening
    } catch {
      continue
    }
    const address = server.address()
    server.close()
    await once(server, 'close')
    if (typeof address === 'object' && address !== null) return address.port
  }
  throw new Error('no free port')
}

async function isUp(url: string, service: ChildProcess): Promise<boolean> {
  while (service.exitCode === null && service.signalCode === null) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok) return true
    await wait(50)
  }
  return false
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

function call(name: string, args: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
}

function welcome(url: string, imagesDir: string): string {
  const generate = call('generate_image', { prompt: 'A beautiful sunset over mountains', output_path: 'sunset.png' })
  const [before, after] = call('edit_image', {
    image_data_base64: '*',
    prompt: 'Make this black and white',
    output_path: 'sunset-bw.png',
  }).split('*')
  const input = quote(join(imagesDir, 'sunset.png'))
  return `
azure-image-editor-mcp is running at ${url}
Azure is simulated: this program draws the images, no model does. No account, no key, no cost.

1. Generate an image:

curl -s ${url}/ -H 'Content-Type: application/json' -d ${quote(generate)} | cut -c1-300

2. Edit it (the image is sent as base64):

{ printf %s ${quote(before ?? '')}; base64 < ${input} | tr -d '\\n'; printf %s ${quote(after ?? '')}; } | curl -s ${url}/ -H 'Content-Type: application/json' --data-binary @- | cut -c1-300

The images are in ${imagesDir}
To see a failure, put fault:rate-limit, fault:content-filter or fault:slow=8000 into a prompt.
Ctrl-C stops both.
`
}

await main()
