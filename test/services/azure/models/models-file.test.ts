import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ModelSchema } from '../../../../schemas/models.ts'
import { InvalidFileError } from '../../../../services/azure/file-problems.ts'
import { createModelCatalog } from '../../../../services/azure/models/model-catalog.ts'
import { recognizeName } from '../../../../services/azure/models/name-resolution.ts'
import { modelTable } from '../../../../services/azure/models/table.ts'
import { snakeCase } from '../../../../services/parameters/wire.ts'
import { checkProperty } from '../../../support/property.ts'

function problemsOf(file: unknown): readonly string[] {
  try {
    createModelCatalog(file)
    return []
  } catch (error) {
    if (error instanceof InvalidFileError) return error.problems
    throw error
  }
}

/** As the file writes a row of the table. */
function inFile(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inFile)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [snakeCase(name), inFile(inner)]))
}

describe('AZURE_MODELS_FILE can express everything that a row can', () => {
  for (const model of modelTable) {
    test(model.id, (t: TestContext) => {
      const absent = Object.keys(ModelSchema.properties).filter((name) => !Object.hasOwn(model, name))
      const row = { ...Object.fromEntries(absent.map((name) => [snakeCase(name), null])), ...Object(inFile(model)) }
      const catalog = createModelCatalog({ models: [{ ...row, id: 'copy' }] })
      t.assert.deepEqual(catalog.find('copy'), { ...model, id: 'copy' })
    })
  }

  test('fields and formats that no shipped model has', (t: TestContext) => {
    const row = { id: 'gpt-image-2.6-flare', like: 'gpt-image-2.5-flare', complexities: ['low', 'medium', 'high'] }
    const catalog = createModelCatalog({ models: [{ ...row, formats: ['png', 'jpeg', 'gif', 'svg'] }] })
    const model = catalog.find('gpt_image_2_6_flare')
    t.assert.deepEqual(model?.complexities, ['low', 'medium', 'high'])
    t.assert.deepEqual(model?.formats, ['png', 'jpeg', 'gif', 'svg'])
  })

  test('further names of a model are recognized like its id', (t: TestContext) => {
    const models = [{ id: 'gpt-image-2', aliases: ['our_best', 'B'] }]
    const catalog = createModelCatalog({ models })
    t.assert.equal(catalog.find('Our-Best')?.id, 'gpt-image-2')
    t.assert.equal(catalog.find('b')?.id, 'gpt-image-2')
    t.assert.equal(recognizeName(catalog, 'our-best-prod'), undefined)
    t.assert.equal(recognizeName(catalog, 'b-flux-2-pro')?.model.id, 'FLUX.2-pro')
    const copied = createModelCatalog({ models: [...models, { id: 'other', like: 'gpt-image-2' }] })
    t.assert.equal(copied.find('our-best')?.id, 'gpt-image-2')
  })

  test('null removes an optional member of the row that is changed or copied', (t: TestContext) => {
    const models = [{ id: 'new', like: 'gpt-image-2', price: null, retires: null, prompt_advice: null }]
    const model = createModelCatalog({ models }).find('new')
    t.assert.ok(model !== undefined && !('price' in model) && !('retires' in model))
    t.assert.match(
      problemsOf({ models: [{ id: 'x', max_count: null }] }).join(),
      /^x: max_count must be a whole number/,
    )
  })

  test('a price or date of the file does not keep the source of the table', (t: TestContext) => {
    const source = { url: 'https://example.org/prices', checked: '2026-11-01' }
    const price = { as_of: '2026-11-01', image: 1 }
    const find = (changes: object) =>
      createModelCatalog({ models: [{ id: 'FLUX.2-pro', ...changes }] }).find('flux-2-pro')
    t.assert.deepEqual(Object.keys(find({ price })?.sources ?? {}), ['capabilities', 'retirement'])
    t.assert.deepEqual(Object.keys(find({ retires: '2028-01-01' })?.sources ?? {}), ['capabilities', 'price'])
    t.assert.deepEqual(find({ price, sources: { price: source } })?.sources, { price: source })
  })
})

describe('every mistake of AZURE_MODELS_FILE is reported at once', () => {
  test('in the spelling of the file', (t: TestContext) => {
    const row = { generate_size: null, price: [], dialects: ['mai', 'mai'], seed: true }
    const problems = problemsOf({ models: [{ id: '' }, { id: 'a', like: 'MAI-Image-2.7', ...row }] }).join('\n')
    t.assert.match(problems, /^models\[0\]: id must be/)
    t.assert.match(problems, /step, min_edge, max_edge, min_pixels, max_pixels, max_ratio\}/)
    t.assert.match(problems, /price must be an object with as_of$/m)
    t.assert.match(problems, /the mai route has no seed/)
  })

  test('also members that allow what cannot be', (t: TestContext) => {
    const backgrounds = { id: 'gpt-image-2', formats: ['jpeg'], backgrounds: ['transparent'] }
    t.assert.match(problemsOf({ models: [backgrounds] }).join(), /backgrounds has "transparent", which needs another/)
    const steps = { id: 'FLUX.2-flex', steps: { minimum: 0.5, maximum: 0.7 } }
    t.assert.match(problemsOf({ models: [steps] }).join(), /steps\.minimum must be a whole number/)
  })

  test('with the id of the row, the member, and what is allowed', (t: TestContext) => {
    const problems = problemsOf({
      models: [
        { id: 'a', max_cuont: 3, max_images: '5', mask: 'yes', formats: ['png', 'tiff'], retires: '2026-02-31' },
        { id: 'b', like: 'gpt-imag-2' },
        { id: 'bad id', dialects: [] },
        { like: 'gpt-image-2' },
        'row',
        {
          id: 'c',
          generate_size: {
            kind: 'range',
            step: 0,
            min_edge: 1,
            max_edge: 2,
            min_pixels: 1,
            max_pixel: 4,
            max_ratio: 1,
          },
          price: { text_in: -1, text_in_cashed: 1 },
          guidance: { minimum: 1 },
          sources: { price: { url: 'http://x', checked: 'today' } },
        },
        { id: 'd', like: 'MAI-Image-2.7', mask: true, qualities: [''] },
        { id: 'd', operations: ['paint'], fields: { a: {} }, colour: 1 },
        { id: 'e', edit_size: { kind: 'choices', sizes: ['1024'] }, generate_size: { kind: 'odd' } },
      ],
      model: [],
    })
    const sizes = 'width x height in pixels, such as "1024x1536"'
    t.assert.deepEqual(problems, [
      'model is unknown; did you mean models?',
      'a: max_cuont is unknown; did you mean max_count?',
      'a: max_images must be a whole number from 0 to 16',
      'a: mask must be true or false',
      'a: formats[1] must be one of png, jpeg, gif, svg',
      'a: retires must be a day of the calendar as YYYY-MM-DD',
      'b: like names an unknown model; did you mean gpt-image-2?',
      'bad id: id must be 1 to 64 letters, digits, dots, dashes and underscores',
      'bad id: dialects must be a list of 1 to 4 entries, each one of deployments, v1, bfl, mai',
      'models[3]: id is missing',
      'models[4]: must be an object',
      'c: generate_size.step must be a whole number from 1 to 65536',
      'c: generate_size.max_pixel is unknown; did you mean max_pixels?',
      'c: generate_size.max_pixels is missing',
      'c: price.text_in must be a number from 0 to 1000000',
      'c: price.text_in_cashed is unknown; did you mean text_in_cached?',
      'c: price.as_of is missing',
      'c: guidance.maximum is missing',
      'c: sources.price.url must be an https address',
      'c: sources.price.checked must be a day of the calendar as YYYY-MM-DD',
      'd: qualities[0] must be text of 1 to 200 characters',
      'd: the mai route has no mask_base64 and mask_region (mask)',
      'd: operations[0] must be one of generate, edit',
      'd: fields must be an object of texts, numbers and booleans',
      problems.find((problem) => problem.startsWith('d: colour is unknown; known are id, aliases, dialects')),
      'd: is a second row of this id',
      `e: edit_size.sizes[0] must be ${sizes}`,
      problems.find((problem) =>
        problem.startsWith('e: generate_size must be {"kind": "none"}, or {"kind": "choices", sizes}'),
      ),
    ])
  })

  test('and what is wrong with the document itself', (t: TestContext) => {
    t.assert.deepEqual(problemsOf([{ id: 'x' }]), ['must be an object with models'])
    t.assert.deepEqual(problemsOf({}), ['models is missing'])
    t.assert.deepEqual(problemsOf({ models: { x: {} } }), ['models must be a list of at most 200 entries'])
  })

  test('and so are members that contradict each other', (t: TestContext) => {
    const range = {
      kind: 'range',
      step: 16,
      min_edge: 256,
      max_edge: 1024,
      min_pixels: 65_536,
      max_pixels: 1_048_576,
      max_ratio: 4,
    }
    const problems = problemsOf({
      models: [
        { id: 'a', like: 'gpt-image-2', generate_size: { ...range, min_pixels: 2_000_000 }, max_images: 0 },
        { id: 'b', like: 'gpt-image-2', generate_size: { ...range, min_edge: 1000, max_edge: 1007 } },
        { id: 'c', like: 'gpt-image-2', edit_size: { ...range, max_pixels: 65_000, min_pixels: 1 } },
        { id: 'd', like: 'FLUX.2-pro', guidance: { minimum: 5, maximum: 1 } },
        { id: 'e', like: 'gpt-image-2', aliases: ['GPT_image_1', 'ours'] },
        { id: 'f', like: 'gpt-image-2', aliases: ['Ours'] },
      ],
    })
    t.assert.deepEqual(problems, [
      'a: edits need max_images of at least 1',
      'a: generate_size.min_pixels is above generate_size.max_pixels',
      'a: generate_size.min_pixels is above the square of max_edge',
      'b: generate_size has no multiple of step from min_edge to max_edge',
      'c: edit_size.max_pixels is below the square of min_edge',
      'd: guidance.minimum is above guidance.maximum',
      'e: the alias GPT_image_1 is a name of gpt-image-1',
      'f: the alias Ours is a name of e',
    ])
  })

  test('for every row and every member, whatever the value', async (t: TestContext) => {
    const members = Object.keys(ModelSchema.properties).filter((name) => name !== 'id' && name !== 'fields')
    const wrong = fc.constantFrom<unknown>({ odd: 1 }, [[]], -1.5, 'x'.repeat(500))
    const row = fc.dictionary(fc.constantFrom(...members), wrong, { minKeys: 1, noNullPrototype: true })
    const property = fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const models = rows.map((members, index) => ({ ...Object(inFile(members)), id: `row-${index}` }))
      const problems = problemsOf({ models })
      for (const { id, ...given } of models) {
        for (const member of Object.keys(given)) {
          t.assert.ok(
            problems.some((problem) => problem.startsWith(`${id}: ${member}`)),
            `${id} ${member}: ${JSON.stringify(given[member])}\n${problems.join('\n')}`,
          )
        }
      }
    })
    await checkProperty(t, property, { numRuns: 100 })
  })

  test('in one short line each, whatever the names are', (t: TestContext) => {
    const name = `\u001b[31m\nfake line${'x'.repeat(5000)}`
    const problems = problemsOf({ [name]: 1, models: [{ id: name }, { id: 'a', [name]: 1 }] })
    t.assert.equal(problems.length, 3)
    for (const problem of problems) t.assert.match(problem, /^[^\p{Cc}]{1,700}$/u)
  })

  test('whatever the document is', async (t: TestContext) => {
    const property = fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), (document, models) => {
      t.assert.ok(problemsOf(document).length > 0 || isEmptyFile(document))
      for (const problem of problemsOf({ models })) t.assert.match(problem, /^[^\n]{1,2000}$/)
    })
    await checkProperty(t, property, { numRuns: 500 })
  })
})

/** What fast-check may come up with by chance. */
function isEmptyFile(document: unknown): boolean {
  return JSON.stringify(document) === '{"models":[]}'
}
