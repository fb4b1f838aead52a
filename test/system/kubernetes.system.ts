import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parseAllDocuments } from 'yaml'
import { memoize } from '../../services/net/memoize.ts'
import { buildApp } from '../support/app.ts'
import { requireProgram, root, run } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The manifests of deploy/kubernetes, rendered by kubectl. No cluster is asked. */

const overlays = ['single', 'scaled', 'ingress-nginx'] as const
type Overlay = (typeof overlays)[number]

const secretFolder = '/run/secrets/azure-image-editor'

const DocumentSchema = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String(),
  metadata: Type.Object({ name: Type.String() }),
})

type Rendered = readonly Static<typeof DocumentSchema>[]

const parse = (text: string): Rendered =>
  parseAllDocuments(text).map((document) => Value.Parse(DocumentSchema, document.toJS()))

const kustomize = async (folder: string) => parse((await run('kubectl', ['kustomize', folder])).stdout)

const render = memoize((overlay) => kustomize(join(root, 'deploy/kubernetes/overlays', overlay)))

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the manifests have
function only(documents: Rendered, kind: string, name?: string): any {
  const found = documents.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name))
  if (found.length !== 1) throw new Error(`there are ${found.length} of ${kind}`)
  return found[0]
}

const find = async (overlay: Overlay, kind: string) => only(await render(overlay), kind)

const secrets: Record<string, string> = {
  azure_api_key: 'key-of-azure-0123456789abcdef',
  mcp_api_keys: 'alice:key-of-alice-0123456789abcdef',
  server_secret: 's'.repeat(32),
  redis_url: 'redis://redis:6379',
  database_url: 'postgres://images:password@db/images',
}

/** The settings of a ConfigMap, with its secrets in files of a folder. */
async function settingsOf(data: Record<string, string>, folder: string) {
  const used = new Set<string>()
  // The one setting with a placeholder, which the service does not accept.
  const all = { ...data, AZURE_BASE_URL: 'https://images-of-a.services.ai.azure.com' }
  const settings = Object.fromEntries(
    Object.entries(all).map(([name, value]) => {
      if (!value.startsWith(`${secretFolder}/`)) return [name, value]
      const key = value.slice(secretFolder.length + 1)
      used.add(key)
      return [name, join(folder, 'secrets', key)]
    }),
  )
  await mkdir(join(folder, 'secrets'))
  for (const key of used) await writeFile(join(folder, 'secrets', key), secrets[key] ?? '')
  return { settings, used }
}

describe('the manifests for Kubernetes', { concurrency: true }, () => {
  before(() => requireProgram('kubectl'))

  test('have only members, and values, that the types of Kubernetes have', {
    timeout: 600_000,
  }, async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const check = async (
      name: string,
      documents: readonly unknown[],
      kinds: readonly (readonly [string, string])[],
    ) => {
      const lines = documents.map((document, at) => {
        const [version, kind] = kinds[at] ?? []
        // A file for each, because an error in one document hides others of it.
        return `import type { I${kind} } from 'kubernetes-models/${version}/${kind}'\nexport const document: I${kind} = ${JSON.stringify(document)}\n`
      })
      const files = lines.map((_line, at) => join(folder, `${name}-${at}.ts`))
      await Promise.all(files.map((file, at) => writeFile(file, lines[at] ?? '')))
      const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler']
      return await run('tsc', ['--ignoreConfig', ...flags, ...files], { cwd: folder }).then(
        () => '',
        ({ stdout }) => String(stdout),
      )
    }
    for (const overlay of overlays) {
      const documents = await render(overlay)
      const kinds = documents.map(({ apiVersion, kind }) => [apiVersion, kind] as const)
      t.assert.equal(await check(overlay, documents, kinds), '')
    }
    // A check that finds nothing in a wrong document would prove nothing.
    const broken = { ...(await find('single', 'Deployment')), spec: { replicas: '1' } }
    t.assert.match(await check('broken', [broken], [['apps/v1', 'Deployment']]), /error TS/)
  })

  for (const overlay of overlays) {
    test(`meet the restricted profile, and end after the calls that run: ${overlay}`, async (t: TestContext) => {
      const { spec } = (await find(overlay, 'Deployment')).spec.template
      const settings = (await find(overlay, 'ConfigMap')).data
      t.assert.deepEqual([spec.securityContext.runAsNonRoot, spec.securityContext.runAsUser], [true, 1000])
      t.assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault')
      t.assert.equal(spec.automountServiceAccountToken, false)
      for (const { securityContext, ...container } of spec.containers) {
        t.assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet.path)
        t.assert.deepEqual(paths, ['/health', '/health', '/ready'])
        const waitSeconds = Number(container.lifecycle.preStop.exec.command[1])
        t.assert.ok(spec.terminationGracePeriodSeconds >= waitSeconds + settings.SHUTDOWN_GRACE_MS / 1000 + 5)
      }
    })

    test(`configure the service as it accepts it, with every secret in a file: ${overlay}`, async (t: TestContext) => {
      const folder = await temporaryFolder(t)
      const { settings, used } = await settingsOf((await find(overlay, 'ConfigMap')).data, folder)
      const { stdout } = await run(process.execPath, [join(root, 'bin/azure-image-editor-mcp.js'), '--check'], {
        cwd: folder,
        env: { PATH: process.env.PATH, MCP_SERVER_HOST: '0.0.0.0', IMAGES_DIR: folder, ...settings },
      })
      for (const key of used) t.assert.ok(!stdout.includes(secrets[key] ?? key), key)
      t.assert.doesNotMatch(stdout, /unknown/i)
      const created = await documentedSecretKeys()
      for (const key of used) t.assert.ok(created.has(key), `docs/kubernetes.md creates ${key}`)
    })
  }

  test('serve probes by address, clients by the public name and those of the Service, and no other name', async (t: TestContext) => {
    // The component with one replica, as its overlay suggests.
    const folder = await temporaryFolder(t)
    const from = (path: string) => relative(folder, join(root, 'deploy/kubernetes', path))
    const kustomization = { resources: [from('overlays/single')], components: [from('components/ingress-nginx')] }
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    const rendered = await kustomize(folder)
    const { settings } = await settingsOf(only(rendered, 'ConfigMap').data, folder)
    const { app } = await buildApp(t, { ...settings, ADMIN_PORT: undefined, AZURE_API_KEY: undefined })

    const { name, namespace } = only(rendered, 'Service').metadata
    const statusOf = async (url: string, host: string) => (await app.inject({ url, headers: { host } })).statusCode
    for (const path of ['/health', '/ready', '/metrics']) t.assert.equal(await statusOf(path, '10.244.1.7:9000'), 200)
    const inCluster = [
      name,
      `${name}.${namespace}`,
      `${name}.${namespace}.svc`,
      `${name}.${namespace}.svc.cluster.local`,
    ]
    // 401: the name is allowed, the key is missing.
    for (const host of [...inCluster, only(rendered, 'Ingress', 'azure-image-editor').spec.rules[0].host]) {
      const response = await app.inject({ url: '/mcp', method: 'POST', headers: { host }, payload: {} })
      t.assert.equal(response.statusCode, 401, host)
    }
    const response = await app.inject({
      url: '/mcp',
      method: 'POST',
      headers: { host: 'rebound.example' },
      payload: {},
    })
    t.assert.equal(response.statusCode, 403)
  })

  test('show the metrics to no client of the ingress', async (t: TestContext) => {
    const rendered = (await render('ingress-nginx')).filter(({ kind }) => kind === 'Ingress')
    const closed = only(rendered, 'Ingress', 'azure-image-editor-metrics')
    t.assert.equal(closed.metadata.annotations['nginx.ingress.kubernetes.io/whitelist-source-range'], '127.0.0.1/32')
    const open = only(rendered, 'Ingress', 'azure-image-editor')
    t.assert.deepEqual(closed.spec.tls, open.spec.tls)
    t.assert.equal(closed.spec.rules[0].host, open.spec.rules[0].host)
    t.assert.equal(closed.spec.rules[0].http.paths[0].path, '/metrics')
  })

  test('let the pods reach what the settings name: DNS, Azure, Postgres, Redis and a collector', async (t: TestContext) => {
    const ports = (policy: { spec: { egress: { ports: { port: number }[] }[] } }) =>
      policy.spec.egress.flatMap((rule) => rule.ports.map(({ port }) => port))
    t.assert.deepEqual([...new Set(ports(await find('single', 'NetworkPolicy')))], [53, 4318, 443])
    t.assert.deepEqual(ports(await find('scaled', 'NetworkPolicy')).slice(-5), [5432, 6432, 6379, 6380, 10000])
  })

  test('let every selector find the pods, and the Service only the port of clients', async (t: TestContext) => {
    const labels = (await find('ingress-nginx', 'Deployment')).spec.template.metadata.labels
    const matches = (selector: object) =>
      Object.entries(selector).length > 0 && Object.entries(selector).every(([name, value]) => labels[name] === value)
    t.assert.ok(matches((await find('ingress-nginx', 'Deployment')).spec.selector.matchLabels))
    t.assert.ok(matches((await find('ingress-nginx', 'Service')).spec.selector))
    t.assert.ok(matches((await find('ingress-nginx', 'PodDisruptionBudget')).spec.selector.matchLabels))
    t.assert.ok(matches((await find('ingress-nginx', 'NetworkPolicy')).spec.podSelector.matchLabels))
    t.assert.deepEqual(
      (await find('ingress-nginx', 'Service')).spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort),
      ['http'],
    )
  })

  test('with identities have no key of Azure at all', async (t: TestContext) => {
    const { data } = await find('scaled', 'ConfigMap')
    t.assert.equal(data.AZURE_API_KEY_FILE, undefined)
    t.assert.equal(
      (await find('scaled', 'Deployment')).spec.template.metadata.labels['azure.workload.identity/use'],
      'true',
    )
    t.assert.ok('azure.workload.identity/client-id' in (await find('scaled', 'ServiceAccount')).metadata.annotations)
  })
})

/** The keys of the Secrets that docs/kubernetes.md creates. */
async function documentedSecretKeys(): Promise<Set<string>> {
  const text = await readFile(join(root, 'docs/kubernetes.md'), 'utf8')
  return new Set([...text.matchAll(/--from-(?:file|literal)=([a-z_]+)/g)].map(([, name = '']) => name))
}
