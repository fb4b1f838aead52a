import { type TestContext, test } from 'node:test'
import { nearestName } from '../../../services/errors/nearest-name.ts'

const names = ['AZURE_API_KEY', 'AZURE_API_VERSION', 'max_count', 'max_images', 'retires', 'id']

test('a mistyped name is recognized by letters that are missing, added, replaced or swapped', (t: TestContext) => {
  for (const [typed, meant] of [
    ['AZURE_API_KEYS', 'AZURE_API_KEY'],
    ['azure-api-kye', 'AZURE_API_KEY'],
    ['maxCount', 'max_count'],
    ['max_cuont', 'max_count'],
    ['max_image', 'max_images'],
    ['retired', 'retires'],
    ['idd', 'id'],
  ] as const) {
    t.assert.equal(nearestName(typed, names), meant, typed)
  }
})

test('a name that resembles none gets no suggestion', (t: TestContext) => {
  for (const typed of ['colour', 'x', 'b', '', 'AZURE', 'x'.repeat(10_000)])
    t.assert.equal(nearestName(typed, [...names, 'a']), undefined)
})
