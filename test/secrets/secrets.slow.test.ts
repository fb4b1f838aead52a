import { describe, type TestContext, test } from 'node:test'
import { azureSetups } from '../support/secrets/azure-setups.ts'
import { leaksIn, runSetup, type Setup } from '../support/secrets/harness.ts'
import { otherSetups } from '../support/secrets/other-setups.ts'
import { storageSetups } from '../support/secrets/storage-setups.ts'

const setups: readonly Setup[] = [...azureSetups, ...otherSetups, ...storageSetups]

describe('no secret and no prompt is in any output', { concurrency: 4 }, () => {
  for (const setup of setups) {
    test(`when ${setup.name}`, async (t: TestContext) => {
      for (const [where, text] of await runSetup(t, setup)) {
        if (setup.isEchoed && where.startsWith('response')) continue
        t.assert.deepEqual(leaksIn(text), [], `${where}:\n${text.slice(0, 20_000)}`)
      }
    })
  }

  test('the set-ups are many, and their names are unique', (t: TestContext) => {
    t.assert.ok(setups.length >= 100)
    t.assert.equal(new Set(setups.map(({ name }) => name)).size, setups.length)
  })
})
