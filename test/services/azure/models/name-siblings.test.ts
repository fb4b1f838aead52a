import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { readDeployments } from '../../../../services/azure/deployment-list.ts'
import { createModelCatalog } from '../../../../services/azure/models/model-catalog.ts'
import { recognizeName } from '../../../../services/azure/models/name-resolution.ts'
import { modelTable } from '../../../../services/azure/models/table.ts'
import { checkProperty } from '../../../support/property.ts'

const catalog = createModelCatalog()

/** What tells the families of the table apart: routes, and the model in the path of the provider route. */
const familyOf = ({ dialects, providerPath = '' }: { dialects: readonly string[]; providerPath?: string }) =>
  `${dialects} ${/^flux-(2|kontext|pro-1\.1)/.exec(providerPath)?.[0] ?? ''}`

const prefix = fc.constantFrom('', 'prod-', 'team_a.', 'our-', 'eu-west-', 'x1-')
const suffix = fc.constantFrom(
  ...[
    '',
    '-2026-09-08',
    '_20260908',
    '.2026-09-08',
    '-eastus',
    '-swedencentral',
    '-v2',
    '-AXIOM',
    '-prod',
    '-001',
    '-team-b',
  ],
)
const separator = fc.constantFrom('-', '.', '_')
const letters = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
)

const decorated = fc
  .record({ row: fc.constantFrom(...modelTable), prefix, suffix, separator, letters })
  .chain(({ row, prefix: before, suffix: after, separator: mark, letters: write }) =>
    fc.boolean().map((isRespelled) => {
      const id = isRespelled ? row.id.replaceAll(/[._-]/g, mark) : row.id
      return { row, name: write(`${before}${id}${after}`), isExact: before === '' && after === '' }
    }),
  )

describe('names of deployments', () => {
  test('every model is found in a dated, respelled, prefixed or suffixed name of its own', async (t: TestContext) => {
    const property = fc.property(decorated, ({ row, name, isExact }) => {
      const found = recognizeName(catalog, name)
      t.assert.equal(found?.model.id, row.id, name)
      t.assert.equal(found?.recognition === 'exact', isExact, name)
      t.assert.deepEqual(found?.model.price, row.price, name)
    })
    await checkProperty(t, property, { numRuns: 5000 })
  })

  test('a name without separators is that of the model whose letters and digits it has', async (t: TestContext) => {
    for (const { id } of modelTable) {
      const name = id.replaceAll(/[._-]/g, '')
      t.assert.equal(recognizeName(catalog, name)?.model.id, id, name)
      const grouped = id.replaceAll(/[._-](?=[a-z])|(?<=[a-z])[._-]/gi, '')
      t.assert.equal(recognizeName(catalog, grouped.toUpperCase())?.model.id, id, grouped)
    }
    for (const name of ['gpt-image-15', 'gpt-image-25-flare', 'mai-image-27', 'FLUX-11-pro', 'gptimage20'])
      t.assert.equal(catalog.find(recognizeName(catalog, name)?.model.id ?? ''), undefined, name)
    const models = [
      { id: 'a-1.1', like: 'gpt-image-2' },
      { id: 'a-11', like: 'FLUX.2-pro' },
    ]
    t.assert.equal(recognizeName(createModelCatalog({ models }), 'a11'), undefined)
  })

  test('a variant of FLUX is requested by its own path', (t: TestContext) => {
    const pathOf = (name: string) => recognizeName(catalog, name)?.model.providerPath
    t.assert.equal(pathOf('FLUX.1.1-pro-ultra'), 'flux-pro-1.1-ultra')
    t.assert.equal(pathOf('eu-flux-1-1-pro-ultra-2'), 'flux-pro-1.1-ultra')
    t.assert.equal(pathOf('FLUX-1.1-pro-eastus'), 'flux-pro-1.1')
    t.assert.equal(pathOf('FLUX.1-Kontext-pro-max'), 'flux-kontext-max')
  })

  // Far from those that exist, so that a new row does not turn one of them into a known model.
  const versions = fc.constantFrom('7.8', '8', '8.1', '9-5', '9_1')
  const variants = fc.constantFrom('', '-mini', '.turbo', '_Pro', '-ultra', '-lite', '-max', '-flash', '-HD', '-plus')
  const stems = [
    ['gpt-image-', 'gpt-image-2'],
    ['gpt_image_', 'gpt-image-2'],
    ['MAI-Image-', 'MAI-Image-2.6'],
    ['mai.image.', 'MAI-Image-2.6'],
    ['FLUX.', 'FLUX.2-pro'],
    ['flux-', 'FLUX.2-pro'],
  ] as const
  const sibling = fc.oneof(
    fc
      .tuple(fc.constantFrom(...stems), versions, variants)
      .map(([[stem, kin], version, variant]) => ({ name: `${stem}${version}${variant}`, kin })),
    fc
      .tuple(
        fc.constantFrom(...modelTable),
        fc.constantFrom('-mini', '-lite', '-Turbo', '.ultra', '-max', '-HD', '-3-pro', '-2-flash'),
      )
      .map(([{ id }, variant]) => ({ name: `${id}${variant}`, kin: id })),
  )

  test('an unknown sibling of a model is of its family, and inherits neither price nor retirement', async (t: TestContext) => {
    const property = fc.property(sibling, prefix, suffix, ({ name, kin }, before, after) => {
      // Such a name may be a model that the table has.
      fc.pre(catalog.find(name) === undefined)
      const found = recognizeName(catalog, `${before}${name}${after}`)
      const expected = catalog.find(kin)
      t.assert.equal(found && familyOf(found.model).split(' ')[0], expected && familyOf(expected).split(' ')[0], name)
      t.assert.deepEqual([found?.model.price, found?.model.retires], [undefined, undefined], `${before}${name}${after}`)
    })
    await checkProperty(t, property, { numRuns: 5000 })
  })

  test('a decorated name is never of another family than the one that it contains', async (t: TestContext) => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/).filter((text) => !/^(mai|flux|kontext|gpt)/.test(text))
    const words = fc.array(word, { maxLength: 3 })
    const property = fc.property(fc.constantFrom(...modelTable), words, words, (row, before, after) => {
      const name = [...before, row.id, ...after].join('-')
      const found = recognizeName(catalog, name)
      t.assert.equal(found && familyOf(found.model), familyOf(row), name)
    })
    await checkProperty(t, property, { numRuns: 3000 })
  })

  test('anything but an exact name is a warning at startup', async (t: TestContext) => {
    const settings = { AZURE_BASE_URL: 'https://one.services.ai.azure.com', AZURE_API_KEY: 'k' }
    const property = fc.property(decorated, ({ row, name, isExact }) => {
      const { deployments, warnings } = readDeployments({ ...settings, AZURE_DEPLOYMENT_NAME: name })
      t.assert.equal(deployments[0]?.model.id, row.id)
      t.assert.deepEqual(warnings.length, isExact ? 0 : 1, warnings.join('\n'))
      if (!isExact)
        t.assert.ok(
          [name, row.id].every((text) => warnings.join().includes(text)),
          warnings.join(),
        )
    })
    await checkProperty(t, property, { numRuns: 300 })
  })
})
