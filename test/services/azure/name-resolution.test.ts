import { describe, type TestContext, test } from 'node:test'
import { type DeploymentSettings, readDeployments } from '../../../services/azure/deployment-list.ts'
import { createModelCatalog } from '../../../services/azure/models/model-catalog.ts'
import { type Recognition, recognizeName } from '../../../services/azure/models/name-resolution.ts'
import { fileOf } from '../../support/fake-azure.ts'

const plain: DeploymentSettings = { AZURE_BASE_URL: 'https://one.services.ai.azure.com', AZURE_API_KEY: 'k' }
const catalog = createModelCatalog()

/** A deployment's name, what it is treated as, how that was found, and the first route. */
const names: readonly [string, string, Recognition, string, path?: string][] = [
  ['MAI-Image-2.7', 'MAI-Image-2.7', 'exact', 'mai'],
  ['mai_image_2_7_flash', 'MAI-Image-2.7-Flash', 'exact', 'mai'],
  ['flux-2-pro', 'FLUX.2-pro', 'exact', 'bfl', 'flux-2-pro'],
  ['FLUX_1_KONTEXT_PRO', 'FLUX.1-Kontext-pro', 'exact', 'bfl', 'flux-kontext-pro'],
  ['gpt-image-1-5', 'gpt-image-1.5', 'exact', 'deployments'],
  ['gpt-image-2.5-flare-2026-09-08', 'gpt-image-2.5-flare', 'begins', 'deployments'],
  ['gpt-image-1-mini-2025-10-06', 'gpt-image-1-mini', 'begins', 'deployments'],
  ['gpt-image-2-1', 'gpt-image-2', 'begins', 'deployments'],
  ['gpt-image-2.6-flare', 'gpt-image-2', 'begins', 'deployments'],
  ['FLUX.2-pro-AXIOM', 'FLUX.2-pro', 'begins', 'bfl', 'flux-2-pro'],
  ['FLUX.1-Kontext-pro-2', 'FLUX.1-Kontext-pro', 'begins', 'bfl', 'flux-kontext-pro'],
  ['MAI-Image-2.5-Flash-eastus', 'MAI-Image-2.5-Flash', 'begins', 'mai'],
  ['prod-gpt-image-2', 'gpt-image-2', 'contains', 'deployments'],
  ['team.FLUX.2-flex.v1', 'FLUX.2-flex', 'contains', 'bfl', 'flux-2-flex'],
  ['gpt-image-20', 'gpt-image-20', 'family', 'deployments'],
  ['gpt-image-2b', 'gpt-image-2b', 'family', 'deployments'],
  ['GPT-Image', 'GPT-Image', 'family', 'deployments'],
  ['our-gptimage', 'our-gptimage', 'family', 'deployments'],
  ['MAI-Image-9', 'MAI-Image-9', 'family', 'mai'],
  ['mai', 'mai', 'family', 'mai'],
  ['our-mai-image', 'our-mai-image', 'family', 'mai'],
  ['flux2', 'flux2', 'family', 'bfl', 'flux-2-pro'],
  ['FLUX.2-max', 'FLUX.2-max', 'family', 'bfl', 'flux-2-max'],
  ['prod-flux-2-prod', 'prod-flux-2-prod', 'family', 'bfl', 'flux-2-pro'],
  ['flux-kontext', 'flux-kontext', 'family', 'bfl', 'flux-kontext-pro'],
  ['FLUX.1-Kontext-max', 'FLUX.1-Kontext-max', 'family', 'bfl', 'flux-kontext-max'],
  ['flux-pro-1.1', 'flux-pro-1.1', 'family', 'bfl', 'flux-pro-1.1'],
  ['FLUX1.1-pro', 'FLUX-1.1-pro', 'exact', 'bfl', 'flux-pro-1.1'],
  ['fluxpro1.1', 'fluxpro1.1', 'family', 'bfl', 'flux-pro-1.1'],
  ['FLUX-1.1', 'FLUX-1.1', 'family', 'bfl', 'flux-pro-1.1'],
  ['our-flux-3-pro', 'our-flux-3-pro', 'family', 'bfl', 'flux-3-pro'],
  ['ours', 'FLUX.1-Kontext-pro', 'default', 'bfl', 'flux-kontext-pro'],
  ['mainframe', 'FLUX.1-Kontext-pro', 'default', 'bfl', 'flux-kontext-pro'],
  ['flux', 'FLUX.1-Kontext-pro', 'default', 'bfl', 'flux-kontext-pro'],
]

describe('a deployment without AZURE_MODEL', () => {
  for (const [name, model, recognition, dialect, path] of names) {
    test(`${name} is treated as ${model}: ${recognition}`, (t: TestContext) => {
      const { deployments, warnings } = readDeployments({ ...plain, AZURE_DEPLOYMENT_NAME: name })
      const [found] = deployments
      t.assert.deepEqual(
        [found?.model.id, found?.recognition, found?.model.dialects[0], found?.model.providerPath],
        [model, recognition, dialect, path],
      )
      t.assert.equal(warnings.length, recognition === 'exact' ? 0 : 1)
      if (recognition !== 'exact') t.assert.match(warnings[0] ?? '', /treated as .*Set AZURE_MODEL/)
    })
  }

  test('another version or variant has neither the price nor the retirement of the row whose abilities it borrows', (t: TestContext) => {
    const of = (name: string) => recognizeName(catalog, name)?.model
    for (const other of [
      'gpt-image-2.6-flare',
      'gpt-image-2-6-flare',
      'gpt_image_2_mini',
      'prod-gpt-image-2.10',
      'MAI-Image-2.7-Pro',
      'FLUX-1.1-pro-ultra',
    ]) {
      t.assert.deepEqual([of(other)?.price, of(other)?.retires], [undefined, undefined], other)
    }
    const same = [
      '-1',
      '-2026-04-21',
      '.2026-04-21',
      '_20260421',
      '-eastus',
      '-dev',
      '-1-prod',
      '.v2',
      '-global-standard',
    ]
    for (const name of ['prod-gpt-image-2', ...same.map((suffix) => `gpt-image-2${suffix}`)]) {
      t.assert.deepEqual([of(name)?.retires, of(name)?.price?.imageOut], ['2027-10-21', 30], name)
    }
  })

  test('a row of AZURE_MODELS_FILE is recognised like a built-in one', (t: TestContext) => {
    const own = createModelCatalog({ models: [{ id: 'gpt-image-2.6', like: 'gpt-image-2', max_count: 3 }] })
    t.assert.equal(recognizeName(own, 'gpt-image-2.6-flare')?.model.maxCount, 3)
    t.assert.equal(recognizeName(own, 'gpt_image_2_6')?.recognition, 'exact')
  })
})

describe('AZURE_MODEL', () => {
  const cases: readonly [string, DeploymentSettings, string, Recognition, warning?: RegExp][] = [
    ['is resolved as a deployment is', { AZURE_MODEL: 'GPT_IMAGE_2' }, 'gpt-image-2', 'exact'],
    ['may be a sibling', { AZURE_MODEL: 'gpt-image-2-2026-04-21' }, 'gpt-image-2', 'begins', /treated as gpt-image-2/],
    [
      'that is not recognized yields to the name of the deployment',
      { AZURE_MODEL: 'best', AZURE_DEPLOYMENT_NAME: 'gpt-image-2' },
      'gpt-image-2',
      'exact',
    ],
    [
      'that says nothing of nothing is the default',
      { AZURE_MODEL: 'best' },
      'FLUX.1-Kontext-pro',
      'default',
      /default/,
    ],
    [
      'that is not recognized is treated as its route when that is configured',
      { AZURE_MODEL: 'best', AZURE_API_DIALECT: 'v1' },
      'best',
      'route',
      /configured route/,
    ],
    [
      'wins over the name',
      { AZURE_MODEL: 'flux.1-kontext-pro', AZURE_DEPLOYMENT_NAME: 'gpt-image-2-prod' },
      'FLUX.1-Kontext-pro',
      'exact',
      /AZURE_MODEL takes precedence/,
    ],
    [
      'wins over the family of the name',
      { AZURE_MODEL: 'flux.1-kontext-pro', AZURE_DEPLOYMENT_NAME: 'flux2' },
      'FLUX.1-Kontext-pro',
      'exact',
      /AZURE_MODEL takes precedence/,
    ],
    [
      'that is not recognized yields to a deployment that is known on the configured route',
      { AZURE_MODEL: 'best', AZURE_DEPLOYMENT_NAME: 'gpt-image-2', AZURE_API_DIALECT: 'v1' },
      'gpt-image-2',
      'exact',
    ],
    [
      'agrees with a sibling',
      { AZURE_MODEL: 'gpt-image-2', AZURE_DEPLOYMENT_NAME: 'gpt-image-2-prod' },
      'gpt-image-2',
      'exact',
    ],
    [
      'agrees with a name of its family',
      { AZURE_MODEL: 'gpt-image-2.5-flare', AZURE_DEPLOYMENT_NAME: 'our-gptimage' },
      'gpt-image-2.5-flare',
      'exact',
    ],
    [
      'on a route that it is not known on offers what that can send',
      { AZURE_MODEL: 'gpt-image-2', AZURE_API_DIALECT: 'bfl' },
      'gpt-image-2',
      'exact',
      /not known on the route bfl/,
    ],
  ]
  for (const [what, settings, model, recognition, warning] of cases) {
    test(what, (t: TestContext) => {
      const { deployments, warnings } = readDeployments({ ...plain, AZURE_DEPLOYMENT_NAME: 'ours', ...settings })
      t.assert.deepEqual([deployments[0]?.model.id, deployments[0]?.recognition], [model, recognition])
      t.assert.deepEqual(warnings.length, warning === undefined ? 0 : 1, warnings.join())
      if (warning !== undefined) t.assert.match(warnings.join(), warning)
    })
  }
})

test('model, deployment and name of an entry are resolved alike, the surest name first', async (t: TestContext) => {
  const deployments = [
    { name: 'a', model: 'MAI_Image_2.7' },
    { name: 'b', deployment: 'prod-gpt-image-2' },
    { name: 'FLUX.2-pro', deployment: 'ours' },
    { name: 'gpt-image-2', deployment: 'our-gptimage' },
    { name: 'c', deployment: 'ours' },
    { name: 'd', deployment: 'gpt-image-2', model: 'FLUX.2-pro' },
  ]
  const list = readDeployments({ ...plain, AZURE_DEPLOYMENTS_FILE: await fileOf(t, { deployments }) })
  t.assert.deepEqual(
    list.deployments.map(({ model, recognition }) => [model.id, recognition]),
    [
      ['MAI-Image-2.7', 'exact'],
      ['gpt-image-2', 'contains'],
      ['FLUX.2-pro', 'exact'],
      ['gpt-image-2', 'exact'],
      ['FLUX.1-Kontext-pro', 'default'],
      ['FLUX.2-pro', 'exact'],
    ],
  )
  t.assert.equal(list.warnings.length, 3)
  t.assert.match(
    list.warnings.join('\n'),
    /Set the model of "b"[\s\S]*Set the model of "c"[\s\S]*the model of "d".*takes precedence/,
  )
})
