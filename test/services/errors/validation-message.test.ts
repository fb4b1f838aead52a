import { type TestContext, test } from 'node:test'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { describeErrors } from '../../../services/errors/validation-message.ts'

const schema = Compile(
  Type.Object(
    { prompt: Type.String(), region: Type.Optional(Type.Object({}, { additionalProperties: false })) },
    { additionalProperties: false },
  ),
)
const problemsOf = (value: unknown) => describeErrors(schema.Errors(value))

test('names each problem once', (t: TestContext) => {
  const problems = problemsOf({ prompt: 1, a: 1, region: { b: 2 } })
  t.assert.strictEqual(problems, '"a" is unknown; "prompt" must be string; "region.b" is unknown')
})

test('names the first few of very many unknown members, cut short', (t: TestContext) => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${'k'.repeat(100)}${index}`, 1]))
  const problems = problemsOf({ prompt: 'x', ...many })
  t.assert.ok(problems.startsWith(`"${'k'.repeat(60)}…" is unknown`), problems)
  t.assert.strictEqual(
    problemsOf({ prompt: 'x', ...Object.fromEntries([...'abcdefghij'].map((key) => [key, 1])) }),
    '"a" is unknown; "b" is unknown; "c" is unknown; "d" is unknown; "e" is unknown; and more',
  )
})
