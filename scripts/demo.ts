import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clientSetups } from '../routes/home/clients.ts'
import { createSimulator } from '../simulator/app.ts'
import { freePort } from './free-port.ts'

/** `npm run demo`: the service with the simulator in Azure's place, a model of each family, and calls to paste. */

const host = '127.0.0.1'
const executable = fileURLToPath(new URL('../bin/azure-image-editor-mcp.js', import.meta.url))
const key = 'simulated-key'
/** One of each family; the first is the default. */
const models = ['FLUX.1-Kontext-pro', 'FLUX.2-pro', 'gpt-image-2', 'MAI-Image-2.7']

async function main(): Promise<void> {
  const imagesDir = resolve(process.env.IMAGES_DIR || 'images')
  await mkdir(imagesDir, { recursive: true })
  const simulator = createSimulator({
    apiKeys: [key],
    deployments: Object.fromEntries(models.map((model) => [model, model])),
  })
  const azure = await simulator.listen({ host, port: 0 })
  const port = await freePort(Number(process.env.MCP_SERVER_PORT || 8000))
  // An empty working directory, so that no .env file is read.
  const home = await mkdtemp(join(tmpdir(), 'image-demo-'))
  const deploymentsFile = join(home, 'deployments.json')
  const deployments = models.map((model, priority) => ({ name: model, deployment: model, priority }))
  await writeFile(deploymentsFile, JSON.stringify({ deployments }))
  const service = startService(home, {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENTS_FILE: deploymentsFile,
    MCP_SERVER_HOST: host,
    MCP_SERVER_PORT: String(port),
    IMAGES_DIR: imagesDir,
    // Else a prompt with fault:rate-limit is retried for ten minutes before its failure is seen.
    MAX_QUEUE_WAIT_MS: '10000',
    // A slow disk must not make the next call, which edits the image by its name, fail.
    LIBRARY_WAIT_MS: '30000',
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

async function isUp(url: string, service: ChildProcess): Promise<boolean> {
  while (service.exitCode === null && service.signalCode === null) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok) return true
    await wait(50)
  }
  return false
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const isJson = "-H 'Content-Type: application/json'"
const short = '| cut -c1-300'

/** A command that calls a tool and prints the start of the response. */
function generate(url: string, args: object): string {
  return `curl -sS ${url}/ ${isJson} -d ${quote(call('generate_image', args))} ${short}`
}

/** The same for an edit of a file, which is sent as base64. */
function edit(url: string, file: string, args: object): string {
  const [before = '', after = ''] = call('edit_image', { image_data_base64: '*', ...args }).split('*')
  return `{ printf %s ${quote(before)}; base64 < ${quote(file)} | tr -d '\\n'; printf %s ${quote(after)}; } | curl -sS ${url}/ ${isJson} --data-binary @- ${short}`
}

function call(name: string, args: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
}

/** Setups of a few clients, one line each. */
function clients(url: string): string {
  return clientSetups(`${url}/mcp`, false)
    .filter(({ name }) => ['VS Code', 'Claude Code', 'Cursor', 'mcp-remote'].includes(name))
    .map(({ name, title = name, file, text }) => `${title}, ${file}:\n${JSON.stringify(JSON.parse(text))}\n`)
    .join('\n')
}

function welcome(url: string, imagesDir: string): string {
  const image = (name: string) => join(imagesDir, name)
  const region = { x: 600, y: 60, width: 380, height: 420 }
  return `
azure-image-editor-mcp is running at ${url}
Azure is simulated: this program draws the images, no model does. No account, no key, no cost.
Models: ${models.join(', ')} (argument "model"; the first is the default)

In a browser: ${url}/studio (generate and edit) and ${url}/ (status, setup of every client)

1. Generate an image:

${generate(url, { prompt: 'A beautiful sunset over mountains', output_path: 'sunset.png' })}

2. Edit it (the image is sent as base64):

${edit(url, image('sunset.png'), { prompt: 'Make this black and white', output_path: 'sunset-bw.png' })}

3. Two images of gpt-image:

${generate(url, { model: 'gpt-image-2', prompt: 'A fox in a meadow', n: 2, output_path: 'fox.png' })}

4. Change a part of one (a mask does the same for any shape):

${edit(url, image('fox.png'), { model: 'gpt-image-2', prompt: 'Add a red balloon', mask_region: region, output_path: 'fox-balloon.png' })}

Connect a client:

${clients(url)}
The images are in ${imagesDir}
To see a failure, put fault:rate-limit, fault:content-filter or fault:slow=8000 into a prompt.
Ctrl-C stops both.
`
}

await main()
