import { globSync, readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import bundle from '../../rolldown.config.ts'
import { variables } from '../../services/config/variables.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const names = variables.map(({ name }) => name)
const environmentOf = (file: string): string[] => parse(read(file)).services['azure-image-editor'].environment
const nameOf = (entry: string) => entry.split('=')[0] ?? ''

test('the bundle has every file that @fastify/autoload looks for, the hooks of the routes included', (t: TestContext) => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const found = globSync(['plugins/*.ts', 'routes/*.ts', 'routes/*/{index,autohooks}.ts'], { cwd: root })
  t.assert.ok(found.includes('routes/rpc/autohooks.ts'))
  t.assert.deepEqual(
    found.filter((file) => !Object.values(bundle.input ?? {}).includes(file)),
    [],
  )
})

describe('docker-compose.yml', () => {
  const entries = environmentOf('docker-compose.yml')

  test('sets or passes on every variable except the folders of the image', (t: TestContext) => {
    const fixedByImage = ['IMAGES_DIR', 'LOG_DIR']
    const files = variables.filter(({ secret }) => secret).map(({ name }) => `${name}_FILE`)
    t.assert.deepEqual(
      entries.map(nameOf).sort(),
      [...names, ...files].filter((name) => !fixedByImage.includes(name)).sort(),
    )
  })

  test('has the defaults of the schema', (t: TestContext) => {
    for (const entry of entries) {
      const [, name, value] = /^(\w+)=\$\{\w+:-(.+)\}$/.exec(entry) ?? []
      if (name === undefined) continue
      const facts = variables.find((variable) => variable.name === name)
      t.assert.equal(value, facts?.default ?? facts?.example, name)
    }
  })

  test('waits at least as long as the service for a shutdown', (t: TestContext) => {
    const grace = parse(read('docker-compose.yml')).services['azure-image-editor'].stop_grace_period
    const drain = Number(variables.find(({ name }) => name === 'SHUTDOWN_GRACE_MS')?.default)
    t.assert.ok(Number.parseInt(grace, 10) * 1000 > drain, `${grace} against ${drain} ms`)
  })
})

describe('the overlays', () => {
  const known = new Set(variables.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name])))

  for (const file of ['deploy/docker-compose.production.yml', 'deploy/docker-compose.scaled.yml']) {
    test(`${file} sets only variables that exist`, (t: TestContext) => {
      const text = read(file).replaceAll(/!(reset|override)/g, '')
      const entries: string[] = parse(text).services['azure-image-editor'].environment
      t.assert.deepEqual(
        entries.map(nameOf).filter((name) => !known.has(name)),
        [],
      )
    })
  }
})

describe('deployments that are reachable from outside', () => {
  for (const file of ['deploy/docker-compose.production.yml', 'deploy/docker-stack.yml']) {
    test(`${file} does not start without authentication`, (t: TestContext) => {
      const composed = parse(read(file).replaceAll(/!(reset|override)/g, ''))
      const service = composed.services['azure-image-editor']
      for (const entry of ['REQUIRE_AUTH=true', 'MCP_API_KEYS_FILE=/run/secrets/mcp_api_keys']) {
        t.assert.ok(service.environment.includes(entry), entry)
      }
      t.assert.ok(service.secrets.includes('mcp_api_keys') && 'mcp_api_keys' in composed.secrets)
    })
  }

  test('no compose file has a version, and only the one for Swarm has external secrets', (t: TestContext) => {
    for (const file of [
      'docker-compose.yml',
      'deploy/docker-compose.production.yml',
      'deploy/docker-compose.scaled.yml',
      'deploy/docker-stack.yml',
    ]) {
      t.assert.doesNotMatch(read(file), /^version:/m)
      t.assert.equal(read(file).includes('external: true'), file === 'deploy/docker-stack.yml')
    }
  })

  test('every documented docker run of the service gives it the time to finish its calls', (t: TestContext) => {
    const pages = ['README', 'docs/deployment', 'docs/tracing']
    for (const file of pages.flatMap((page) => [`${page}.md`, `${page}.zh-CN.md`])) {
      for (const [command] of read(file).matchAll(/^docker run (?:.*\\\n)*.* azure-image-editor-mcp:latest/gm)) {
        t.assert.match(command, /--rm|--stop-timeout 30/, `${file}: ${command}`)
      }
    }
  })
})

describe('the image', () => {
  const dockerfile = read('Dockerfile')

  test('has the version of the package, and its name in the MCP registry', (t: TestContext) => {
    const { version, mcpName } = JSON.parse(read('package.json'))
    t.assert.match(dockerfile, new RegExp(`^ARG VERSION=${version}$`, 'm'))
    t.assert.match(dockerfile, new RegExp(`^ARG MCP_NAME=${mcpName}$`, 'm'))
  })

  test('has the labels of OCI and of the MCP registry, after all layers', (t: TestContext) => {
    const [block = ''] = /^LABEL [\s\S]*?[^\\]$/m.exec(dockerfile) ?? []
    const labels = Object.fromEntries(
      [...block.matchAll(/([\w.]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    )
    const oci = 'org.opencontainers.image'
    const argument = (name: string) => `\${${name}}`
    t.assert.equal(labels['io.modelcontextprotocol.server.name'], argument('MCP_NAME'))
    t.assert.equal(labels[`${oci}.version`], argument('VERSION'))
    t.assert.equal(labels[`${oci}.revision`], argument('REVISION'))
    t.assert.equal(labels[`${oci}.created`], argument('CREATED'))
    t.assert.equal(labels[`${oci}.source`], argument('SOURCE'))
    for (const name of ['title', 'description', 'licenses', 'base.name']) t.assert.ok(labels[`${oci}.${name}`], name)
    // Each with a default, and set where it is declared.
    for (const [, name = ''] of block.matchAll(/\$\{(\w+)\}/g)) {
      t.assert.match(dockerfile, new RegExp(`^ARG ${name}=`, 'm'))
    }
    const [, created = ''] = /^ARG CREATED=(.*)$/m.exec(dockerfile) ?? []
    t.assert.ok(!Number.isNaN(Date.parse(created)), created)
    t.assert.doesNotMatch(dockerfile.slice(dockerfile.indexOf('ARG VERSION')), /^(?:RUN|COPY) /m)
  })

  test('is built from everything that the compiler reads', (t: TestContext) => {
    const allowed = read('.dockerignore').split('\n')
    const { include } = JSON.parse(read('tsconfig.build.json'))
    t.assert.deepEqual(
      include.filter((entry: string) => !allowed.includes(`!${entry}`)),
      [],
    )
  })

  test('sets only variables that exist', (t: TestContext) => {
    const [block = ''] = /^ENV [\s\S]*?[^\\]$/m.exec(dockerfile) ?? []
    const set = [...block.matchAll(/(\w+)=/g)].map(([, name]) => name)
    t.assert.deepEqual(
      set.filter((name = '') => name !== 'NODE_ENV' && !name.startsWith('MALLOC_') && !names.includes(name)),
      [],
    )
  })

  test('needs no syntax image and no install scripts', (t: TestContext) => {
    t.assert.doesNotMatch(dockerfile, /^#\s*syntax=/m)
    for (const [command] of dockerfile.matchAll(/npm ci.*/g)) t.assert.match(command, /--ignore-scripts/)
  })
})

describe('Nginx', () => {
  test('passes a body that the service will reject, and waits longer than the longest call', (t: TestContext) => {
    const conf = read('deploy/nginx/azure-image-editor.conf')
    const bytes = Number(/client_max_body_size (\d+)m/.exec(conf)?.[1]) * 1_048_576
    const seconds = Number(/proxy_read_timeout\s+(\d+)s/.exec(conf)?.[1])
    const of = (name: string) => Number(variables.find((variable) => variable.name === name)?.default)
    t.assert.ok(bytes > of('MAX_BODY_BYTES'))
    t.assert.ok(seconds * 1000 > of('CALL_DEADLINE_MS'))
  })
})
