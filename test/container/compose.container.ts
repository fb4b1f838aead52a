import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { operatorsFolder, threeVariables } from '../support/compose.ts'
import { callTool, image, requireImage } from '../support/containers.ts'
import { freePorts } from '../support/free-ports.ts'
import { startSimulator } from '../support/simulator.ts'
import { run } from '../support/system/processes.ts'

const scaled = ['-f', 'docker-compose.yml', '-f', 'deploy/docker-compose.scaled.yml']
const production = ['-f', 'docker-compose.yml', '-f', 'deploy/docker-compose.production.yml']

interface Composed {
  services: Record<
    string,
    {
      environment?: Record<string, string | null>
      ports?: unknown[]
      read_only?: boolean
      cap_drop?: string[]
      container_name?: string
      deploy?: { replicas?: number }
    }
  >
}

async function composed(folder: string, files: readonly string[]): Promise<{ config: Composed; stderr: string }> {
  const { stdout, stderr } = await run('docker', ['compose', ...files, 'config', '--format', 'json'], { cwd: folder })
  return { config: JSON.parse(stdout), stderr }
}

describe('the compose files', () => {
  before(requireImage)

  test('with three replicas name all that they share, and neither a name nor a port that only one can have', async (t: TestContext) => {
    const folder = await operatorsFolder(t, threeVariables)
    const { config, stderr } = await composed(folder, scaled)
    t.assert.equal(stderr, '')
    const service = config.services['azure-image-editor']
    t.assert.equal(service?.environment?.DATABASE_URL, '')
    t.assert.equal(service?.environment?.DATABASE_URL_FILE, '/run/secrets/database_url')
    t.assert.equal(service?.environment?.SERVER_SECRET_FILE, '/run/secrets/server_secret')
    t.assert.equal(service?.environment?.IMAGES_SHARED, 'true')
    t.assert.deepEqual([service?.ports ?? [], service?.container_name, service?.deploy?.replicas], [[], undefined, 3])
    t.assert.deepEqual(Object.keys(config.services).sort(), [
      'azure-image-editor',
      'nginx',
      'postgres',
      'prometheus',
      'redis',
    ])
  })

  test('are valid with the three required variables', async (t: TestContext) => {
    const folder = await operatorsFolder(t, threeVariables)
    for (const files of [[], production]) {
      const { stderr } = await composed(folder, files)
      t.assert.equal(stderr, '')
    }
    const stack = await run('docker', ['stack', 'config', '--compose-file', 'deploy/docker-stack.yml'], { cwd: folder })
    t.assert.equal(stack.stderr, '')
  })

  test('in production read the key from the secret file only and publish no port of the service', async (t: TestContext) => {
    const folder = await operatorsFolder(t, `${threeVariables}MAX_BODY_BYTES=1000000\n`)
    const { config } = await composed(folder, production)
    const service = config.services['azure-image-editor']
    t.assert.equal(service?.environment?.AZURE_API_KEY, '')
    t.assert.equal(service?.environment?.AZURE_API_KEY_FILE, '/run/secrets/azure_api_key')
    t.assert.equal(service?.environment?.MAX_BODY_BYTES, '1000000')
    t.assert.equal(service?.environment?.REQUIRE_AUTH, 'true')
    t.assert.deepEqual(service?.ports ?? [], [])
    for (const [name, { read_only, cap_drop }] of Object.entries(config.services)) {
      t.assert.deepEqual([read_only, cap_drop], [true, ['ALL']], name)
    }
  })

  test('start a healthy service that generates an image, with only network, port and name changed', async (t: TestContext) => {
    const simulator = await startSimulator(t)
    const [port = 0] = await freePorts(1)
    const folder = await operatorsFolder(
      t,
      threeVariables.replace('https://a.example', simulator.url).replace('=key', '=simulated-key'),
    )
    await writeFile(
      join(folder, 'override.yml'),
      `services:
  azure-image-editor:
    build: !reset null
    container_name: !reset null
    network_mode: host
    ports: !reset []
    environment:
      - MCP_SERVER_HOST=127.0.0.1
      - MCP_SERVER_PORT=${port}
    healthcheck:
      interval: 1s
`,
    )
    const project = `test-${randomUUID().slice(0, 8)}`
    const compose = (...args: string[]) =>
      run('docker', ['compose', '-p', project, '-f', 'docker-compose.yml', '-f', 'override.yml', ...args], {
        cwd: folder,
      })
    try {
      await compose('up', '--detach', '--wait', '--no-build')
      const { stdout } = await compose('images', '--format', 'json')
      t.assert.match(stdout, new RegExp(image.split(':')[0] ?? ''))
      const made = await callTool(`http://127.0.0.1:${port}`, 'generate_image', { prompt: 'A fox', size: '256x256' })
      t.assert.equal(made.content[1]?.type, 'image')
    } finally {
      // Not in t.after, which removes the folder first.
      await compose('down', '--volumes')
    }
  })
})
