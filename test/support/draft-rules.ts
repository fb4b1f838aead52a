import type { TestContext } from 'node:test'
import type { StateDatabase } from '../../services/databases/state-database.ts'
import { createDrafts } from '../../services/library/drafts.ts'

const DAY_MS = 86_400_000

async function countOf({ run }: StateDatabase): Promise<number> {
  const [row] = await run('SELECT count(*) AS drafts FROM state.drafts')
  return Number(row?.drafts)
}

/** What holds for drafts in either database. */
export const draftRules: Readonly<Record<string, (t: TestContext, database: StateDatabase) => Promise<void>>> = {
  async 'a caller has one draft for each image, and nobody else has it'(t: TestContext, database: StateDatabase) {
    const drafts = createDrafts({ database })
    await drafts.put('ann', 'img_1', 'first')
    await drafts.put('ann', 'img_1', 'second')
    await drafts.put('ann', '', 'of no image')
    t.assert.strictEqual(await drafts.get('ann', 'img_1'), 'second')
    t.assert.strictEqual(await drafts.get('ann', ''), 'of no image')
    t.assert.strictEqual(await drafts.get('bob', 'img_1'), undefined)
    t.assert.strictEqual(await drafts.get('bob', ''), undefined)
    await drafts.put('bob', 'img_1', '')
    await drafts.put('ann', '', '')
    t.assert.strictEqual(await drafts.get('ann', 'img_1'), 'second')
    t.assert.strictEqual(await drafts.get('ann', ''), undefined)
  },

  async 'a draft is returned as it was stored, whatever its characters'(t: TestContext, database: StateDatabase) {
    const drafts = createDrafts({ database })
    for (const text of [
      '\0',
      ' ',
      '"\\',
      "'; DROP TABLE drafts",
      '让天空变成粉红色 🦊',
      '\u2028\r\n',
      'x'.repeat(65_536),
    ]) {
      await drafts.put('ann', 'img_1', text)
      t.assert.strictEqual(await drafts.get('ann', 'img_1'), text)
    }
  },

  async 'a draft ends 7 days after it was stored last, and is then removed'(t: TestContext, database: StateDatabase) {
    let now = Date.now()
    const drafts = createDrafts({ database, now: () => now })
    await drafts.put('ann', 'img_1', 'old')
    now += 6 * DAY_MS
    t.assert.strictEqual(await drafts.get('ann', 'img_1'), 'old')
    now += DAY_MS
    t.assert.strictEqual(await drafts.get('ann', 'img_1'), undefined)
    await drafts.put('bob', 'img_2', 'new')
    t.assert.strictEqual(await countOf(database), 1)
  },

  async 'of more than 100 drafts the oldest of that caller makes way'(t: TestContext, database: StateDatabase) {
    let now = Date.now()
    const drafts = createDrafts({ database, now: () => now })
    await drafts.put('bob', 'img_1', 'his')
    for (let at = 0; at < 150; at++) {
      now += 1
      await drafts.put('ann', `img_${at}`, 'hers')
    }
    t.assert.strictEqual(await countOf(database), 101)
    t.assert.strictEqual(await drafts.get('bob', 'img_1'), 'his')
    t.assert.strictEqual(await drafts.get('ann', 'img_49'), undefined)
    t.assert.strictEqual(await drafts.get('ann', 'img_50'), 'hers')
    t.assert.strictEqual(await drafts.get('ann', 'img_149'), 'hers')
  },
}
