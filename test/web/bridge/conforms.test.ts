import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Check } from 'typebox/schema'
import { type StudioMeta, StudioMetaSchema } from '../../../schemas/studio.ts'
import { conforms } from '../../../web/bridge/conforms.ts'
import { checkProperty } from '../../support/property.ts'

const image = {
  id: 'img_01jd00000000000000000000ab',
  createdAt: 1_700_000_000_000,
  origin: 'generated',
  mimeType: 'image/png',
  width: 64,
  height: 32,
  bytes: 100,
  hasCredentials: false,
  parents: [],
  tags: ['a'],
  isOwn: true,
} as const
const operation = { takesAnySize: true, hasSeed: false, maxCount: 4, hasMask: true, maxPromptCharacters: 10 }
const whole: StudioMeta = {
  list: { images: [{ ...image, prompt: 'x', costUsd: 0.04, tags: [], parents: [] }], nextCursor: 'c' },
  service: { models: [{ name: 'a', model: 'b', generate: operation }], tools: ['get_job'], version: '1' },
  quote: { model: 'a', count: 1, waitMs: 0.5 },
  job: { id: 'job_1', state: 'running', remainingMs: 5 },
  confirmation: { code: 'c_1', usd: 1 },
  chunk: { image: { ...image, tags: [], parents: [] }, mimeType: 'image/webp', bytes: 10, offset: 0 },
  draft: null,
}

/** The schema without what `conforms` does not check. */
const withoutLimits = JSON.parse(
  JSON.stringify(StudioMetaSchema, (name, value) =>
    /^(additionalProperties|pattern|(min|max)(imum|Length|Items))$/.test(name) && typeof value !== 'object'
      ? undefined
      : value,
  ),
)

/** Every member of the sample, by its path. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, each]) => pathsOf(each, [...path, name]))]
}

function changed(value: unknown, [name, ...rest]: string[], replacement: unknown): unknown {
  if (name === undefined) return replacement
  const copy: Record<string, unknown> = Array.isArray(value) ? Object.assign([], value) : { ...Object(value) }
  copy[name] = changed(copy[name], rest, replacement)
  return copy
}

describe('the check of facts for the studio', () => {
  test('accepts what the service sends, and members that it does not know', (t: TestContext) => {
    t.assert.ok(conforms(StudioMetaSchema, whole))
    t.assert.ok(conforms(StudioMetaSchema, { ...whole, unknown: 1 }))
    t.assert.ok(!conforms(StudioMetaSchema, { list: { images: [{}] } }))
  })

  test('agrees with TypeBox, whatever stands in whichever place', async (t: TestContext) => {
    const paths = pathsOf(whole)
    const rule = fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, replacement) => {
      const value = changed(whole, path, replacement)
      t.assert.strictEqual(conforms(StudioMetaSchema, value), Check(withoutLimits, value), JSON.stringify(value))
    })
    await checkProperty(t, rule, { numRuns: 2000 })
  })
})
