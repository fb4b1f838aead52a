import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { parseAllDocuments } from 'yaml'
import { temporaryFolder } from '../support/app.ts'
import { requireProgram, root, run } from '../support/system/processes.ts'

/** The manifests of deploy/kubernetes, rendered by kubectl. No cluster is asked. */

const overlays = ['single', 'scaled', 'ingress-nginx'] as const
type Overlay = (typeof overlays)[number]

const secretFolder = '/run/secrets/azure-image-editor'

const DocumentSchema = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String(),
  metadata: Type.Object({ name: Type.String() }),
})

async function render(overlay: Overlay) {
  const { stdout } = await run('kubectl', ['kustomize', join(root, 'deploy/kubernetes/overlays', overlay)])
  return parseAllDocuments(stdout).map((document) => Value.Parse(DocumentSchema, document.toJS()))
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the manifests have
async function find(overlay: Overlay, kind: string): Promise<any> {
  const found = (await render(overlay)).filter((each) => each.kind === kind)
  if (found.length !== 1) throw new Error(`${overlay} has ${found.length} of ${kind}`)
  return found[0]
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
      const { data } = await find(overlay, 'ConfigMap')
      const folder = await temporaryFolder(t)
      await mkdir(join(folder, 'secrets'))
      const secrets: Record<string, string> = {
        azure_api_key: 'key-of-azure-0123456789abcdef',
        mcp_api_keys: 'alice:key-of-alice-0123456789abcdef',
        server_secret: 's'.repeat(32),
        redis_url: 'redis://redis:6379',
        database_url: 'postgres://images:password@db/images',
      }
      const used = new Set<string>()
      // The one setting with a placeholder, which the service does not accept.
      const settings: Record<string, string> = { ...data, AZURE_BASE_URL: 'https://images-of-a.services.ai.azure.com' }
      const environment = Object.fromEntries(
        Object.entries(settings).map(([name, value]) => {
          if (!value.startsWith(`${secretFolder}/`)) return [name, value]
          const key = value.slice(secretFolder.length + 1)
          used.add(key)
          return [name, join(folder, 'secrets', key)]
        }),
      )
      for (const key of used) await writeFile(join(folder, 'secrets', key), secrets[key] ?? '')
      const { stdout } = await run(process.execPath, [join(root, 'bin/azure-image-editor-mcp.js'), '--check'], {
        cwd: folder,
        env: { PATH: process.env.PATH, MCP_SERVER_HOST: '0.0.0.0', IMAGES_DIR: folder, ...environment },
      })
      for (const key of used) t.assert.ok(!stdout.includes(secrets[key] ?? key), key)
      t.assert.doesNotMatch(stdout, /unknown/i)
      const created = await documentedSecretKeys()
      for (const key of used) t.assert.ok(created.has(key), `docs/kubernetes.md creates ${key}`)
    })
  }

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
