import { type TestContext, test } from 'node:test'
import { costNotes } from '../../../services/tools/result-notes.ts'

test('a cost is never reported as nothing unless it is, and an unknown one is not reported', (t: TestContext) => {
  const costs: readonly [number | undefined, string][] = [
    [undefined, ''],
    [0, 'Cost: about US$0.0000 at list price.'],
    [0.000_03, 'Cost: less than US$0.0001 at list price.'],
    [0.0001, 'Cost: about US$0.0001 at list price.'],
    [12.345_67, 'Cost: about US$12.3457 at list price.'],
  ]
  for (const [costUsd, note] of costs) t.assert.equal(costNotes({ costUsd }).join(), note)
})
