import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { keyCredential } from '../../../services/azure/credential.ts'
import { createModelCatalog } from '../../../services/azure/models/model-catalog.ts'
import { checkOnline } from '../../../services/azure/online-check.ts'
import { minimalEnvironment } from '../../support/app.ts'
import { fakeAzure, responding } from '../../support/fake-azure.ts'
import { key, startSimulator } from '../../support/simulator.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const run = promisify(execFile)
const server = join(import.meta.dirname, '../../../server.ts')
const connections = { connectTimeoutMs: 30_000 }

function options(baseUrl: string, modelId: string, changes: { apiKey?: string; deployment?: string } = {}) {
  const model = createModelCatalog().find(modelId)
  if (model === undefined) throw new Error(`no model ${modelId}`)
  const { apiKey = key, deployment = modelId } = changes
  const credential = keyCredential(apiKey)
  return { name: deployment, deployment, baseUrl, model, credential, dialect: 'auto', fallbacks: [] } as const
}

describe('the online check', () => {
  test('accepts a right key and an existing deployment, by GET requests only', async (t: TestContext) => {
    const { simulator, url } = await startSimulator(t)
    for (const model of ['gpt-image-2', 'FLUX.1-Kontext-pro']) {
      const [check] = await checkOnline([options(url, model)], connections)
      t.assert.deepEqual(check, {
        deployment: model,
        state: 'ok',
        sentence: 'Azure accepts the credential; the deployment exists',
      })
    }
    t.assert.deepEqual([...new Set(simulator.requests.map(({ method }) => method))], ['GET'])
  })

  test('does not ask where Azure documents no request', async (t: TestContext) => {
    const { simulator, url } = await startSimulator(t)
    const checks = await checkOnline([options(url, 'FLUX.2-pro'), options(url, 'MAI-Image-2.7')], connections)
    t.assert.deepEqual(
      checks.map(({ state }) => state),
      ['not checked', 'not checked'],
    )
    t.assert.equal(simulator.requests.length, 0)
  })

  test('fails with our sentence for a wrong key, a missing deployment and a wrong address, and shows no key', async (t: TestContext) => {
    const { url } = await startSimulator(t)
    const checks = await checkOnline(
      [
        options(url, 'gpt-image-2', { apiKey: 'wrong-key' }),
        options(url, 'gpt-image-2', { deployment: 'missing' }),
        options('http://127.0.0.1:9', 'gpt-image-2'),
        options('http://nowhere.invalid', 'gpt-image-2'),
      ],
      connections,
    )
    const expected = [
      /IMG_ERR_AZURE_CREDENTIAL, status 401/,
      /no deployment "missing"/,
      /at 127\.0\.0\.1:9 \(ECONNREFUSED\)/,
      /nowhere\.invalid/,
    ]
    for (const [index, pattern] of expected.entries()) {
      t.assert.equal(checks[index]?.state, 'failed')
      t.assert.match(checks[index]?.sentence ?? '', pattern)
    }
    t.assert.doesNotMatch(JSON.stringify(checks), /wrong-key|simulated-key/)
  })

  test('does not take a retired lookup for a missing deployment, and follows no redirect', async (t: TestContext) => {
    const retired = await fakeAzure(t, (request, response) => {
      const isModels = request.url?.startsWith('/openai/models') || request.url?.startsWith('/openai/v1/models')
      response.writeHead(isModels ? 200 : 404, { 'content-type': 'application/json' })
      response.end(isModels ? '{"data":[]}' : '{"error":{"code":"404","message":"Resource not found"}}')
    })
    const [check] = await checkOnline([options(retired.url, 'gpt-image-2')], connections)
    t.assert.deepEqual(
      [check?.state, check?.sentence],
      ['ok', 'Azure accepts the credential; Azure does not tell whether the deployment exists'],
    )
    const elsewhere = await fakeAzure(t, responding(200, {}))
    const moved = await fakeAzure(t, responding(302, {}, { location: elsewhere.url }))
    const [redirected] = await checkOnline([options(moved.url, 'gpt-image-2')], connections)
    t.assert.equal(redirected?.state, 'failed')
    t.assert.equal(elsewhere.seen.length, 0)
  })

  test('takes only JSON for a response of Azure, and speaks of no image or bill', async (t: TestContext) => {
    const page = '<html>sign in</html>'
    for (const [status, type, body] of [
      [200, 'text/html', page],
      [200, 'text/plain', '{"data":[]}'],
      [204, undefined, ''],
      [400, 'text/html', page],
      [407, 'text/html', page],
      [408, 'application/json', '{}'],
      [500, 'text/html', page],
      [502, 'text/html', page],
      [503, 'text/html', page],
      [504, 'application/json', '{}'],
    ] as const) {
      const other = await fakeAzure(t, (_request, response) => {
        response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body)
      })
      const [check] = await checkOnline([options(other.url, 'gpt-image-2')], connections)
      t.assert.deepEqual(
        [check?.state, check?.sentence],
        [
          'failed',
          `${new URL(other.url).host} does not respond as Azure does (status ${status}); check AZURE_BASE_URL, the proxy and gateways on the way`,
        ],
      )
    }
  })

  test('ends at its time limit if Azure says nothing', async (t: TestContext) => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    t.after(() => silent.close())
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const [check] = await checkOnline([options(`http://127.0.0.1:${port}`, 'gpt-image-2')], connections, 300)
    t.assert.deepEqual(
      [check?.state, check?.sentence],
      ['failed', `Azure cannot be reached at 127.0.0.1:${port} (timeout)`],
    )
  })

  test('is a line per deployment and the exit code of --check --online', async (t: TestContext) => {
    const { url } = await startSimulator(t)
    const folder = await temporaryFolder(t)
    const env = {
      PATH: process.env.PATH,
      ...minimalEnvironment,
      AZURE_BASE_URL: url,
      AZURE_API_KEY: key,
      IMAGES_DIR: folder,
    }
    const { stdout } = await run(process.execPath, [server, '--check', '--online'], { cwd: folder, env })
    t.assert.match(stdout, /^online FLUX\.1-Kontext-pro: ok: Azure accepts the credential/m)
    const wrong = run(process.execPath, [server, '--check', '--online'], {
      cwd: folder,
      env: { ...env, AZURE_API_KEY: 'wrong' },
    })
    await t.assert.rejects(wrong, (error: { code: number; stdout: string }) => {
      t.assert.equal(error.code, 1)
      t.assert.match(error.stdout, /^online FLUX\.1-Kontext-pro: failed: Azure rejected the credential/m)
      return true
    })
  })
})
