import { readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { faultNames } from '../../simulator/fault.ts'

test('the README lists every fault and no other', async (t: TestContext) => {
  const text = await readFile(new URL('../../simulator/README.md', import.meta.url), 'utf8')
  const rows = text
    .slice(text.indexOf('| Fault |'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  const listed = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, name]) => name ?? ''),
  )
  t.assert.deepStrictEqual(listed.toSorted(), [...faultNames].toSorted())
})
