import { describe, type TestContext, test } from 'node:test'
import { readBaseUrl } from '../../../services/azure/base-url.ts'
import { type DeploymentSettings, readDeployments } from '../../../services/azure/deployment-list.ts'
import { fileOf } from '../../support/fake-azure.ts'

const azure = 'https://r.services.ai.azure.com'
const gateway = 'https://gw.example/team%20a/azure'

/** Paths that are copied from the portal, documentation and other programs. */
const tails = [
  ...['/openai', '/openai/', '/openai/v1', '/openai/v1/', '/OpenAI/V1//', '//openai//v1', '/openai/v1/images'],
  ...['/openai/v1/images/generations', '/openai/v1/images/edits?api-version=preview', '/openai/v1/models'],
  ...['/openai/deployments', '/openai/deployments/my%20model', '/openai/deployments/x/images'],
  ...['/openai/deployments/x/images/generations', '/openai/deployments/x/images/edits?api-version=2025-04-01-preview'],
  ...['/openai/deployments/x/chat/completions', '/openai/responses?api-version=preview', '/openai%2Fv1'],
  ...['/mai', '/mai/v1', '/MAI/v1/images/generations', '/mai/v1/images/edits/'],
  ...['/providers/blackforestlabs', '/providers/blackforestlabs/v1', '/providers/BlackForestLabs/v1/flux-2-pro'],
  ...['/providers/blackforestlabs/v1/flux-kontext-pro?api-version=preview', '/%6Fpenai/v1'],
]

describe('the base URL', () => {
  for (const tail of tails) {
    test(`ends before ${tail}, of Azure and of a gateway with a path`, (t: TestContext) => {
      for (const base of [azure, gateway, 'http://127.0.0.1:9000', 'https://gw.example/a//b']) {
        const { baseUrl, removed, problem } = readBaseUrl(base + tail)
        t.assert.deepEqual([baseUrl, problem], [base, undefined])
        t.assert.match(removed ?? '', tail.includes('?') ? /^the path \/.+ and the query$/ : /^the path \/[^?]+$/)
        t.assert.doesNotMatch(removed ?? '', /api-version/)
      }
    })
  }

  const kept = [
    azure,
    gateway,
    'https://gw.example/openai-proxy',
    'https://gw.example/openai/v1/team',
    'https://gw.example/providers/azure',
    'https://gw.example/v1',
    'https://gw.example/models',
    'https://gw.example/x/openai/deployments/a/b',
    'https://gw.example/%zz',
    'https://gw.example/api/projects-of-ours',
    'https://gw.example/api/projects/p/gateway',
    'https://openai.azure.com.gw.example/x',
  ]
  for (const address of kept) {
    test(`stays ${address}`, (t: TestContext) => {
      t.assert.deepEqual(readBaseUrl(address), { baseUrl: address })
      t.assert.equal(readBaseUrl(`${address}/`).baseUrl, address)
    })
  }

  for (const path of ['/models', '/models/chat/completions?api-version=x', '/anything/else', '?x#y', '#y', '?']) {
    test(`of Azure never has a path or a query: ${path}`, (t: TestContext) => {
      const { baseUrl, removed } = readBaseUrl(azure + path)
      t.assert.equal(baseUrl, azure)
      t.assert.ok(removed)
    })
  }

  const projects = [
    '/api/projects/p',
    '/api/projects/p/',
    '/API/Projects/my%20p',
    '/api/projects/p/openai/v1',
    '/api/projects',
  ]
  for (const path of [...projects, '/api%2Fprojects%2Fp', '/api/projects/p/openai/v1/images/edits?api-version=v1']) {
    test(`is not the endpoint of a project: ${path}`, (t: TestContext) => {
      t.assert.match(
        readBaseUrl(azure + path).problem ?? '',
        /^is the endpoint of a project; .*https:\/\/r\.services\.ai/,
      )
      t.assert.match(readBaseUrl(gateway + path).problem ?? '', /^is the endpoint of a project; /)
    })
  }

  test("is not the portal's address", (t: TestContext) => {
    t.assert.match(readBaseUrl('https://ai.azure.com/resource/deployments/x').problem ?? '', /the portal's address/)
  })
})

const plain: DeploymentSettings = { AZURE_API_KEY: 'k', AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro' }

test('what was cut off the address of several deployments is logged once', async (t: TestContext) => {
  const path = await fileOf(t, { deployments: [{ name: 'FLUX.2-pro' }, { name: 'gpt-image-2' }] })
  const AZURE_BASE_URL = `${azure}/openai/v1/images/generations?api-key=hidden`
  const list = readDeployments({ ...plain, AZURE_BASE_URL, AZURE_DEPLOYMENTS_FILE: path })
  t.assert.deepEqual(list.problems, [])
  t.assert.deepEqual(
    list.deployments.map(({ baseUrl }) => baseUrl),
    [azure, azure],
  )
  t.assert.deepEqual(list.warnings, [
    'AZURE_BASE_URL: not part of the endpoint and cut off: the path /openai/v1/images/generations and the query',
  ])
})

test('a project endpoint is a problem of its variable or entry', async (t: TestContext) => {
  const project = `${azure}/api/projects/p`
  const [own] = readDeployments({ ...plain, AZURE_BASE_URL: project }).problems
  t.assert.equal(own?.variable, 'AZURE_BASE_URL')
  t.assert.match(own?.problem ?? '', /^is the endpoint of a project; use that of its resource, https:\/\/r\.services/)

  const path = await fileOf(t, { deployments: [{ name: 'FLUX.2-pro', base_url: project, key: 'k' }] })
  const { problems } = readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: path })
  t.assert.deepEqual(
    problems.map(({ problem }) => problem),
    [`the base_url of "FLUX.2-pro" is the endpoint of a project; use that of its resource, ${azure}`],
  )
})

test('what was cut off the address of an entry is logged', async (t: TestContext) => {
  const base_url = `${azure}/mai/v1/images/generations`
  const path = await fileOf(t, { deployments: [{ name: 'MAI-Image-2.6', base_url, key: 'k' }] })
  const { deployments, warnings } = readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: path })
  t.assert.equal(deployments[0]?.baseUrl, azure)
  t.assert.match(
    warnings.join(),
    /^the base_url of "MAI-Image-2\.6": not part .*: the path \/mai\/v1\/images\/generations$/,
  )
})
