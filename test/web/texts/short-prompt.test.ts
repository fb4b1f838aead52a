import { describe, type TestContext, test } from 'node:test'
import { shortPrompt } from '../../../web/texts/short-prompt.ts'

describe('the beginning of a prompt', () => {
  test('is one line, and says that there is more', (t: TestContext) => {
    t.assert.strictEqual(shortPrompt('A red\n\n  fox', 20), 'A red fox')
    t.assert.strictEqual(shortPrompt('A red fox in the snow', 10), 'A red fox…')
    t.assert.strictEqual(shortPrompt('一只戴着红色围巾的狐狸', 4), '一只戴着…')
  })

  test('cuts no character in two', (t: TestContext) => {
    t.assert.strictEqual(shortPrompt('🦊🦊🦊', 2), '🦊🦊…')
  })

  test('is absent where there are no words', (t: TestContext) => {
    t.assert.deepStrictEqual(
      [undefined, '', ' \n '].map((prompt) => shortPrompt(prompt)),
      [undefined, undefined, undefined],
    )
  })

  test('of a very long prompt is looked for in its beginning only', (t: TestContext) => {
    t.assert.strictEqual(shortPrompt(`${' '.repeat(1000)}x`, 5), undefined)
    t.assert.strictEqual(shortPrompt(' x'.repeat(100_000), 5), 'x x x…')
  })
})
