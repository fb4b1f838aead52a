import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { requirements } from '../support/requirements.ts'

for (const { id, link, sentence, proof } of requirements) {
  test(`a test stands behind ${id}: ${sentence}`, (t: TestContext) => {
    const [file, words] = proof
    const source = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
    t.assert.ok(
      source.includes(words),
      `no test in test/${file} says "${words}" any more: change the line or bring it back`,
    )
    t.assert.ok(URL.canParse(link), link)
  })
}

test('every requirement has an id of its own', (t: TestContext) => {
  t.assert.strictEqual(new Set(requirements.map(({ id }) => id)).size, requirements.length)
})
