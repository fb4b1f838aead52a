import { randomUUID } from 'node:crypto'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePorts } from './free-ports.ts'
import { startSimulator } from './simulator.ts'
import { root, run } from './system/processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

/** Containers of the image under test. They use the host's network (Linux) to reach the simulator. */

export const image = 'azure-image-editor-mcp:latest'

/** The flags of a cautious operator: read-only, no capabilities, no new privileges, little memory and CPU. */
export const hardened = [
  ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--memory', '1g', '--cpus', '2', '--pids-limit', '128'],
]

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { cwd: root, maxBuffer: 16 * 1_048_576 })
  return stdout.trim()
}

/** Fails with instructions if there is no engine or no image. */
export async function requireImage(): Promise<void> {
  try {
    await docker('info')
  } catch (cause) {
    throw new Error('no Docker engine responds: install Docker and start it', { cause })
  }
  try {
    await docker('image', 'inspect', image)
  } catch (cause) {
    throw new Error(`the image is missing: docker build -t ${image} .`, { cause })
  }
}

export interface Container {
  name: string
  url: string
  inspect(template: string): Promise<string>
  logs(): Promise<string>
  /** Waits for the health check of the image itself. */
  healthy(): Promise<void>
  /** Waits for its end and returns the exit code. */
  exitCode(): Promise<number>
}

export interface RunOptions {
  flags?: readonly string[]
  environment?: Readonly<Record<string, string>>
  command?: readonly string[]
}

/** Starts the image with a simulator in Azure's place; the container is removed after the test. */
export async function startContainer(t: TestContext, options: RunOptions = {}): Promise<Container> {
  const simulator = await startSimulator(t)
  const name = `azure-image-editor-test-${randomUUID().slice(0, 8)}`
  const [port = 0] = await freePorts(1)
  const environment = {
    AZURE_BASE_URL: simulator.url,
    AZURE_API_KEY: 'simulated-key',
    AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
    MCP_SERVER_HOST: '127.0.0.1',
    MCP_SERVER_PORT: String(port),
    ...options.environment,
  }
  const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`])
  t.after(() => docker('rm', '--force', '--volumes', name))
  await docker(
    ...['run', '--detach', '--name', name, '--network', 'host', '--health-interval', '1s'],
    ...variables,
    ...(options.flags ?? []),
    image,
    ...(options.command ?? []),
  )
  const inspect = (template: string) => docker('inspect', '--format', template, name)
  const logs = async () => {
    const { stdout, stderr } = await run('docker', ['logs', name])
    return stdout + stderr
  }
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    inspect,
    logs,
    async healthy() {
      await waitFor('the container to become healthy', async () => {
        const state = await inspect('{{.State.Status}} {{.State.Health.Status}}')
        if (!state.startsWith('running')) throw new Error(`it is ${state}: ${await logs()}`)
        return state === 'running healthy'
      })
    },
    async exitCode() {
      return Number(await docker('wait', name))
    },
  }
}

/** A folder of the host and the flag that mounts it. */
export async function volume(
  t: TestContext,
  target: string,
  { writable = true } = {},
): Promise<{ folder: string; flag: string }> {
  const parent = await temporaryFolder(t)
  await chmod(parent, 0o755)
  const folder = join(parent, 'volume')
  await mkdir(folder)
  await chmod(folder, writable ? 0o777 : 0o555)
  return { folder, flag: `--volume=${folder}:${target}` }
}

/** A secret file as Compose mounts it. Only root can make the container's user its owner; otherwise it is world-readable. */
export async function secret(t: TestContext, name: string, text: string): Promise<string> {
  const parent = await temporaryFolder(t)
  await chmod(parent, 0o755)
  const file = join(parent, name)
  await writeFile(file, text)
  if (process.getuid?.() === 0) await chown(file, 1000, 1000)
  await chmod(file, process.getuid?.() === 0 ? 0o400 : 0o444)
  return `--volume=${file}:/run/secrets/${name}:ro`
}

interface ToolOutput {
  result: { content: { type: string; text?: string; data?: string; mimeType?: string }[]; isError?: boolean }
}

export async function callTool(
  url: string,
  name: string,
  args: object,
  signal: AbortSignal | null = null,
): Promise<ToolOutput['result']> {
  const response = await fetch(url, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  })
  return ((await response.json()) as ToolOutput).result
}
