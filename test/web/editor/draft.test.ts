import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Draft, maxDraftBytes, readDraft, writeDraft } from '../../../web/editor/draft.ts'
import { type EditChoices, initialChoices } from '../../../web/editor/edit-arguments.ts'
import type { Point } from '../../../web/editor/geometry.ts'
import {
  addOperation,
  emptyHistory,
  type MaskOperation,
  maskLimits,
  visibleOperations,
} from '../../../web/editor/strokes.ts'
import { maskStrokes } from '../../../web/editor/wire.ts'
import { checkProperty } from '../../support/property.ts'

const coordinate = fc.integer({ min: -100, max: 16_484 })
const point = fc.tuple(coordinate, coordinate)
const mode = fc.constantFrom('add' as const, 'erase' as const)
const operation: fc.Arbitrary<MaskOperation> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('brush' as const),
      mode,
      size: fc.integer({ min: 1, max: 999 }),
      points: fc.array(point, { minLength: 1, maxLength: 9 }),
    },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant('rectangle' as const), mode, from: point, to: point }, { noNullPrototype: true }),
  fc.constant({ kind: 'invert' } as const),
)
const choices: EditChoices = { ...initialChoices, prompt: 'a red door', feather: 8 }
const draft: Draft = { choices, operations: [] }

describe('a draft', () => {
  test('is read as it was written', async (t: TestContext) => {
    const plain = { noNullPrototype: true }
    const text = fc.string({ unit: 'binary' }).map((one) => one.toWellFormed())
    const number = fc.integer({ min: 1, max: 500 })
    const drafts = fc.record(
      {
        choices: fc.record(
          {
            prompt: text,
            model: fc.option(text, { nil: undefined }),
            size: text,
            quality: text,
            count: number,
            feather: number,
            keepsOutside: fc.boolean(),
          },
          plain,
        ),
        operations: fc.array(operation, { maxLength: 20 }),
        call: fc.oneof(
          fc.record({ jobId: text }, plain),
          fc.record({ args: fc.record({ idempotency_key: text, n: number }, plain) }, plain),
        ),
      },
      plain,
    )
    await checkProperty(
      t,
      fc.property(drafts, (one) => t.assert.deepStrictEqual(readDraft(writeDraft(one) ?? ''), one)),
      { numRuns: 200 },
    )
  })

  test('of a mask at its limits and a long prompt is small enough to be stored, also with a call that may have been paid', (t: TestContext) => {
    let history = emptyHistory
    for (let stroke = 0; stroke < maskLimits.strokes; stroke++) {
      const points = Array.from({ length: 200 }, (_, at): Point => [(at % 2) * 9_000 + stroke, at * 60])
      history = addOperation(history, { kind: 'brush', mode: 'add', size: 1, points }).history
    }
    t.assert.ok(visibleOperations(history).length >= 20)
    const operations = visibleOperations(history)
    const prompt = '改'.repeat(2_000)
    const call = { args: { prompt, mask_strokes: maskStrokes(operations), idempotency_key: 'k', n: 2 } }
    const text = writeDraft({ choices: { ...choices, prompt }, operations, call })
    t.assert.ok(text !== undefined && Buffer.byteLength(text) <= maxDraftBytes)
    // The very same call has the same bytes.
    t.assert.strictEqual(JSON.stringify(readDraft(text)?.call), JSON.stringify(call))
  })

  test('that is too large is not written at all', (t: TestContext) => {
    t.assert.strictEqual(writeDraft({ ...draft, choices: { ...choices, prompt: '改'.repeat(30_000) } }), undefined)
  })

  test('of untrusted text is read as far as it makes sense, and never throws', async (t: TestContext) => {
    for (const text of ['', 'null', '[]', '{"v":2,"prompt":"x"}', '{}', '"v"', '7']) {
      t.assert.strictEqual(readDraft(text), undefined)
    }
    const mask = [
      ['a'],
      ['a', 0, 1, 1],
      ['a', 9, 1],
      ['a', 9, 'x', null, 3, 4],
      ['A', 1, 2],
      ['z', 1],
      5,
      null,
      ['i', 9],
    ]
    const odd = {
      v: 1,
      prompt: 7,
      model: null,
      size: {},
      count: 0,
      feather: -4,
      keepsOutside: 'no',
      call: { args: { n: 1 } },
      mask,
    }
    t.assert.deepStrictEqual(readDraft(JSON.stringify(odd)), {
      choices: initialChoices,
      operations: [{ kind: 'brush', mode: 'add', size: 9, points: [[3, 4]] }, { kind: 'invert' }],
    })
    await checkProperty(
      t,
      fc.property(fc.json(), (mask) => {
        readDraft(`{"v":1,"mask":${mask}}`)
      }),
      { numRuns: 200 },
    )
  })
})
