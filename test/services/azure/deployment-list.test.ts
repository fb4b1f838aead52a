import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { type DeploymentSettings, readDeployments } from '../../../services/azure/deployment-list.ts'
import { createModelCatalog } from '../../../services/azure/models/model-catalog.ts'
import { retirementState } from '../../../services/azure/models/retirement.ts'
import { InvalidValueError } from '../../../services/errors/app-error.ts'
import { fileOf } from '../../support/fake-azure.ts'

const plain: DeploymentSettings = {
  AZURE_BASE_URL: 'https://one.example',
  AZURE_API_KEY: 'k',
  AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro',
}

describe('plain variables', () => {
  const cases: readonly [string, DeploymentSettings, string][] = [
    ['the model that the deployment is named after', plain, 'FLUX.2-pro'],
    ['a name in another case', { ...plain, AZURE_DEPLOYMENT_NAME: 'flux.2-PRO' }, 'FLUX.2-pro'],
    ['a name without a model', { ...plain, AZURE_DEPLOYMENT_NAME: 'ours' }, 'FLUX.1-Kontext-pro'],
    ['a model that is named', { ...plain, AZURE_MODEL: 'gpt-image-2' }, 'gpt-image-2'],
    ['an unknown model', { ...plain, AZURE_MODEL: 'MAI-Image-9' }, 'MAI-Image-9'],
  ]
  for (const [what, settings, model] of cases) {
    test(`${what}: ${model}`, (t: TestContext) => {
      t.assert.equal(readDeployments(settings).deployments[0]?.model.id, model)
    })
  }

  test('a model and a deployment that disagree are a warning', (t: TestContext) => {
    t.assert.match(
      readDeployments({ ...plain, AZURE_MODEL: 'gpt-image-2' }).warnings[0] ?? '',
      /AZURE_MODEL takes precedence/,
    )
    t.assert.deepEqual(readDeployments({ ...plain, AZURE_MODEL: 'flux.2-pro' }).warnings, [])
  })

  test('a misspelled model is a warning that names the nearest one', (t: TestContext) => {
    for (const [name, meant] of [
      ['gpt-imge-2', 'gpt-image-2'],
      ['FLUX.2-por', 'FLUX.2-pro'],
      ['MAI-Imgae-2.6-Flash', 'MAI-Image-2.6-Flash'],
    ] as const) {
      const { warnings } = readDeployments({ ...plain, AZURE_DEPLOYMENT_NAME: 'ours', AZURE_MODEL: name })
      t.assert.ok(warnings.join().endsWith(`; did you mean ${meant}?`), warnings.join())
    }
    t.assert.doesNotMatch(readDeployments({ ...plain, AZURE_DEPLOYMENT_NAME: 'ours' }).warnings.join(), /did you mean/)
  })

  test('no key is needed without one', (t: TestContext) => {
    t.assert.deepEqual(readDeployments({ ...plain, AZURE_API_KEY: undefined, AZURE_AUTH: 'entra' }).problems, [])
  })

  test('an unknown model has the capabilities of its route', (t: TestContext) => {
    const catalog = createModelCatalog()
    t.assert.deepEqual(catalog.resolve('MAI-Image-9', 'auto').dialects, ['mai'])
    t.assert.deepEqual(catalog.resolve('FLUX.9', 'auto').dialects, ['bfl'])
    t.assert.deepEqual(catalog.resolve('something', 'v1').dialects, ['v1'])
  })
})

describe('AZURE_DEPLOYMENTS_FILE', () => {
  test('the lowest priority is the default, and plain variables fill the gaps', async (t: TestContext) => {
    const deployments = [
      { name: 'b', model: 'FLUX.2-pro' },
      { name: 'a', model: 'gpt-image-2', priority: 1, api_version: 'x' },
    ]
    const path = await fileOf(t, { deployments })
    const list = readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: path })
    t.assert.deepEqual(list.problems, [])
    t.assert.deepEqual(
      list.deployments.map(({ name, baseUrl }) => [name, baseUrl]),
      [
        ['a', 'https://one.example'],
        ['b', 'https://one.example'],
      ],
    )
    t.assert.equal(list.deployments[0]?.anyApiVersion, 'x')
  })

  test('a file may begin with a byte order mark', async (t: TestContext) => {
    const path = await fileOf(t, `\uFEFF${JSON.stringify({ deployments: [{ name: 'gpt-image-2' }] })}`)
    t.assert.deepEqual(readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: path }).problems, [])
  })

  const wrong: readonly [string, unknown, RegExp][] = [
    ['no JSON', '{"key": "secret-that-must-not-show', /is not JSON/],
    ['a list of entries', [{ name: 'a' }], /must be an object with deployments/],
    ['no deployments', { deployments: [] }, /deployments/],
    [
      'an unknown field',
      { deployments: [{ name: 'a', modle: 'gpt-image-2' }] },
      /a: modle is unknown; did you mean model\?/,
    ],
    ['a name twice', { deployments: [{ name: 'a' }, { name: 'a' }] }, /used twice/],
    ['a name of several lines twice', { deployments: [{ name: 'a\nb' }, { name: 'a\nb' }] }, /"a\?b" is used twice/],
    ['a name of dots only', { deployments: [{ name: '..' }] }, /not dots only/],
    ['a deployment of dots only', { deployments: [{ name: 'a', deployment: '.' }] }, /not dots only/],
    ['a fallback that is not there', { deployments: [{ name: 'a', fallbacks: ['z'] }] }, /unknown "z"/],
    [
      'a key and a key file',
      { deployments: [{ name: 'a', key: 'secret-that-must-not-show', key_file: '/x' }] },
      /remove one/,
    ],
    ['a key file that is missing', { deployments: [{ name: 'a', key_file: '/nowhere/key' }] }, /cannot be read/],
  ]
  for (const [what, content, problem] of wrong) {
    test(`${what} is a problem that names no secret`, async (t: TestContext) => {
      const list = readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: await fileOf(t, content) })
      t.assert.match(list.problems.map((one) => one.problem).join('\n'), problem)
      t.assert.doesNotMatch(JSON.stringify(list), /must-not-show/)
      t.assert.deepEqual(list.deployments, [])
    })
  }
})

describe('AZURE_MODELS_FILE', () => {
  test('adds rows and changes some, with underscores in its keys', (t: TestContext) => {
    const catalog = createModelCatalog({
      models: [
        { id: 'gpt-image-3', like: 'gpt-image-2', max_count: 4, fields: { some_field: 1 } },
        { id: 'FLUX.2-pro', price: { as_of: '2026-11-01', image: 1 } },
      ],
    })
    t.assert.equal(catalog.find('gpt-image-3')?.maxCount, 4)
    t.assert.deepEqual(catalog.find('gpt-image-3')?.fields, { some_field: 1 })
    t.assert.equal(catalog.find('flux.2-pro')?.price?.image, 1)
    t.assert.equal(catalog.find('flux.2-pro')?.maxImages, 8)
  })

  test('a row that is wrong is rejected with its place', (t: TestContext) => {
    t.assert.throws(() => createModelCatalog({ models: [{ id: 'x', like: 'nothing' }] }), /unknown/)
    t.assert.throws(() => createModelCatalog({ models: [{ id: 'x', max_count: 99 }] }), InvalidValueError)
  })

  test('the examples of the documentation are right', (t: TestContext) => {
    for (const name of ['models.md', 'models.zh-CN.md']) {
      const text = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
      const examples = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) => JSON.parse(json))
      const models = examples.find((example) => 'models' in example)
      t.assert.equal(createModelCatalog(models).find('gpt-image-3')?.maxCount, 4)
    }
  })

  test('a model is retired from its day on, and retiring for the 60 days before', (t: TestContext) => {
    const model = createModelCatalog().resolve('gpt-image-1', 'auto')
    t.assert.equal(retirementState(model, new Date('2026-10-23')), 'retired')
    t.assert.equal(retirementState(model, new Date('2026-09-01')), 'retiring')
    t.assert.equal(retirementState(model, new Date('2026-01-01')), undefined)
  })
})
