import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { StudioImage } from '../../../schemas/studio.ts'
import {
  ancestorsOf,
  type Family,
  MAX_ANCESTORS,
  MAX_FAMILY,
  MAX_LISTS,
  nextStep,
  startFamily,
  withImages,
  withList,
  withMissing,
} from '../../../web/screens/family.ts'
import { historyRows, MAX_LANES } from '../../../web/screens/history-rows.ts'
import { checkProperty } from '../../support/property.ts'
import { imageIdOf, studioImage } from '../../support/studio-images.ts'

/** An image of a test, made from others; the later in the library, the newer. */
const madeFrom = (name: string, parents: string[], fields: Partial<StudioImage> = {}) =>
  studioImage(name, { parents: parents.map(imageIdOf), origin: parents.length > 0 ? 'edited' : 'generated', ...fields })

/** Loads everything that is loaded without being asked for, from a library of images. */
function load(focus: string, library: readonly StudioImage[], canList = true) {
  const byId = new Map(library.map((image, index) => [image.id, { ...image, createdAt: image.createdAt + index }]))
  const start = byId.get(imageIdOf(focus)) ?? studioImage(focus)
  let family = startFamily(start)
  let [loaded, listed] = [0, 0]
  for (let step = nextStep(family, canList); step !== undefined; step = nextStep(family, canList)) {
    const { kind, id } = step
    const image = byId.get(id)
    if (kind === 'list') {
      listed += 1
      const images = [...byId.values()].filter(({ parents }) => parents.includes(id))
      family = withList(family, id, { images: images.slice(0, 50), ...(images.length > 50 && { nextCursor: 'more' }) })
    } else {
      loaded += 1
      family = image ? withImages(family, [image]) : withMissing(family, id)
    }
    if (loaded + listed > 1000) throw new Error('loads for ever')
  }
  return { family, loaded, listed }
}

/** The tree as text: indented by lanes, `*` the focus, `?` missing. */
const drawn = (family: Family) =>
  historyRows(family).rows.map(
    ({ id, guides, isFocus, image }) =>
      `${'  '.repeat(guides.length)}${id.slice(5).replace(/^0+/, '')}${isFocus ? '*' : ''}${image ? '' : '?'}`,
  )

describe('the history of an image', () => {
  test('is what it was made from, with everything else that was made from that', (t: TestContext) => {
    const library = [
      madeFrom('a', []),
      madeFrom('b', ['a']),
      madeFrom('c', ['a']),
      madeFrom('d', ['b']),
      madeFrom('e', ['d']),
      madeFrom('z', []),
    ]
    t.assert.deepStrictEqual(drawn(load('d', library).family), ['a', '  b', '  d*', '  e', '  c'])
    t.assert.deepStrictEqual(drawn(load('z', library).family), ['z*'])
  })

  test('guides join the rows: lines pass what was made from an earlier branch', (t: TestContext) => {
    const library = [madeFrom('a', []), madeFrom('b', ['a']), madeFrom('c', ['a']), madeFrom('d', ['b'])]
    const rows = historyRows(load('a', library).family).rows
    t.assert.deepStrictEqual(
      rows.map(({ guides, joinsAbove, goesOn, level }) => ({ guides, joinsAbove, goesOn, level })),
      [
        { guides: [], joinsAbove: false, goesOn: true, level: 1 },
        { guides: ['branch'], joinsAbove: false, goesOn: true, level: 2 },
        { guides: ['through'], joinsAbove: true, goesOn: false, level: 3 },
        { guides: ['last-branch'], joinsAbove: false, goesOn: false, level: 2 },
      ],
    )
  })

  test('no line passes what was made from the last branch', (t: TestContext) => {
    const library = [madeFrom('a', []), madeFrom('b', ['a']), madeFrom('c', ['a']), madeFrom('d', ['c'])]
    const rows = historyRows(load('a', library).family).rows
    t.assert.deepStrictEqual(rows[3]?.guides, ['none'])
  })

  test('a composite stands below the image of the model, which is marked', (t: TestContext) => {
    const library = [
      madeFrom('a', []),
      madeFrom('m', ['a']),
      madeFrom('x', ['m', 'a'], { origin: 'composite' }),
      madeFrom('y', ['x']),
    ]
    const { family } = load('x', library)
    t.assert.deepStrictEqual(drawn(family), ['a', 'm', 'x*', 'y'])
    t.assert.deepStrictEqual(
      historyRows(family).rows.map(({ isBeforeComposite }) => isBeforeComposite),
      [false, true, false, false],
    )
  })

  test('of several parents the first is the one above; the others are named', (t: TestContext) => {
    const library = [madeFrom('a', []), madeFrom('r', []), madeFrom('b', ['a', 'r', 'q'])]
    const row = historyRows(load('b', library).family).rows[1]
    t.assert.deepStrictEqual(
      [row?.parent, row?.otherParents, row?.isReferenceOnly],
      [imageIdOf('a'), [imageIdOf('r'), imageIdOf('q')], false],
    )
  })

  test('where an image was only a reference, the result is there, but not its own history', (t: TestContext) => {
    const library = [madeFrom('r', []), madeFrom('a', []), madeFrom('b', ['a', 'r']), madeFrom('c', ['b'])]
    const { family } = load('r', library)
    t.assert.deepStrictEqual(drawn(family), ['r*', 'b'])
    const row = historyRows(family).rows[1]
    t.assert.deepStrictEqual([row?.isReferenceOnly, row?.rest], [true, 'unlisted'])
  })

  test('a deleted parent keeps its place, with what else was made from it', (t: TestContext) => {
    const library = [madeFrom('b', ['a']), madeFrom('c', ['a'])]
    t.assert.deepStrictEqual(drawn(load('b', library).family), ['a?', '  b*', '  c'])
  })

  test('without a list there are the ancestors', (t: TestContext) => {
    const library = [madeFrom('a', []), madeFrom('b', ['a']), madeFrom('c', ['b']), madeFrom('d', ['b'])]
    const { family, listed } = load('c', library, false)
    t.assert.deepStrictEqual([drawn(family), listed], [['a', 'b', 'c*'], 0])
  })

  test('circles of parents end', (t: TestContext) => {
    t.assert.deepStrictEqual(drawn(load('a', [madeFrom('a', ['a'])]).family), ['a*'])
    t.assert.deepStrictEqual(drawn(load('a', [madeFrom('a', ['b']), madeFrom('b', ['a'])]).family), ['b', 'a*'])
    const knot = [madeFrom('a', ['b']), madeFrom('b', ['c']), madeFrom('c', ['b'])]
    t.assert.deepStrictEqual(drawn(load('a', knot).family), ['c', 'b', 'a*'])
  })
})

describe('limits of a history', () => {
  const chain = (count: number) =>
    Array.from({ length: count }, (_, index) => madeFrom(`${index}`, index === 0 ? [] : [`${index - 1}`]))

  test('ancestors: the earliest that is loaded says that there are earlier ones', (t: TestContext) => {
    const { family } = load('99', chain(100))
    const { ids, isCut } = ancestorsOf(family)
    t.assert.deepStrictEqual([ids.length, isCut, historyRows(family).isCut], [MAX_ANCESTORS, true, true])
    t.assert.strictEqual(historyRows(load('9', chain(10)).family).isCut, false)
  })

  test('lists: further ones are loaded when asked for', (t: TestContext) => {
    const { family, listed } = load('0', chain(60))
    t.assert.strictEqual(listed, MAX_LISTS)
    t.assert.strictEqual(historyRows(family).rows.at(-1)?.rest, 'unlisted')
  })

  test('images: the tree says that it is full, and the image itself stays', (t: TestContext) => {
    const fan = Array.from({ length: 30 }, (_, parent) => [
      madeFrom(`${parent}`, ['9999']),
      ...Array.from({ length: 30 }, (_, child) => madeFrom(`${parent * 100 + child + 100}`, [`${parent}`])),
    ]).flat()
    const { family } = load('9999', [madeFrom('9999', []), ...fan])
    const { rows, isFull } = historyRows(family)
    t.assert.deepStrictEqual([rows.length, isFull, rows.some(({ isFocus }) => isFocus)], [MAX_FAMILY, true, true])
  })

  test('a list that goes on: the row says that there are more', (t: TestContext) => {
    const many = Array.from({ length: 60 }, (_, index) => madeFrom(`${index + 100}`, ['a']))
    const [root] = historyRows(load('a', [madeFrom('a', []), ...many]).family).rows
    t.assert.strictEqual(root?.rest, 'more')
  })

  test('lanes: deeper branches share the last one', (t: TestContext) => {
    const branches = Array.from({ length: 10 }, (_, index) => [
      madeFrom(`${index}`, index === 0 ? [] : [`${index - 1}`]),
      madeFrom(`${index + 100}`, index === 0 ? [] : [`${index - 1}`]),
    ]).flat()
    const { rows } = historyRows(load('0', branches).family)
    t.assert.deepStrictEqual([rows.length, Math.max(...rows.map(({ guides }) => guides.length))], [19, MAX_LANES])
  })

  test('any records: each image once, below its parent, in few lanes, in few calls', async (t: TestContext) => {
    const parents = fc.array(fc.array(fc.nat(40), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
    await checkProperty(
      t,
      fc.property(parents, fc.nat(39), (all, focus) => {
        const library = all.map((each, index) => madeFrom(`${index}`, each.map(String)))
        const { family, loaded, listed } = load(`${focus}`, library)
        const { rows } = historyRows(family)
        const ids = rows.map(({ id }) => id)
        t.assert.ok(loaded <= MAX_ANCESTORS && listed <= MAX_LISTS)
        t.assert.strictEqual(new Set(ids).size, ids.length)
        t.assert.ok(ids.includes(family.focus))
        for (const { parent, id, guides } of rows) {
          t.assert.ok(parent === undefined || ids.indexOf(parent) < ids.indexOf(id))
          t.assert.ok(guides.length <= MAX_LANES)
        }
      }),
      { numRuns: 300 },
    )
  })
})
