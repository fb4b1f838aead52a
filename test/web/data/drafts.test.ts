import { describe, type TestContext, test } from 'node:test'
import { createDrafts } from '../../../web/data/drafts.ts'

/** A service that stores drafts; `hold` makes it slow. */
function store(stored: Record<string, string> = {}) {
  const log: string[] = []
  return {
    log,
    stored,
    async draft(id: string | undefined) {
      return stored[id ?? '']
    },
    async storeDraft(id: string | undefined, text: string) {
      log.push(`${id ?? ''}=${text}`)
      stored[id ?? ''] = text
    },
  }
}

describe('drafts', () => {
  test('are stored once for many changes, each image its own', async (t: TestContext) => {
    const service = store()
    const drafts = createDrafts(service, true)
    for (const text of ['a', 'ab', 'abc']) drafts.store(undefined, text)
    drafts.store('img_1', 'x')
    t.assert.deepStrictEqual(service.log, [])
    await drafts.flush()
    t.assert.deepStrictEqual(service.log, ['=abc', 'img_1=x'])
    await drafts.flush()
    t.assert.strictEqual(service.log.length, 2)
  })

  test('are read as they were last changed, stored or not', async (t: TestContext) => {
    const drafts = createDrafts(store({ '': 'old', img_1: 'one' }), true)
    t.assert.strictEqual(await drafts.load(), 'old')
    drafts.store(undefined, 'new')
    t.assert.strictEqual(await drafts.load(), 'new')
    t.assert.strictEqual(await drafts.load('img_1'), 'one')
    drafts.store('img_1', '')
    t.assert.strictEqual(await drafts.load('img_1'), undefined)
    await drafts.flush()
  })

  test('keep a change that comes while the draft is loading', async (t: TestContext) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const drafts = createDrafts({ draft: () => promise, storeDraft: async () => {} }, true)
    const loading = drafts.load()
    drafts.store(undefined, 'newer')
    resolve('older')
    t.assert.strictEqual(await loading, 'newer')
    await drafts.flush()
  })

  test('last as long as the studio where the service stores none', async (t: TestContext) => {
    const service = store({ '': 'never read' })
    const drafts = createDrafts(service, false)
    t.assert.strictEqual(await drafts.load(), undefined)
    drafts.store(undefined, 'a')
    await drafts.flush()
    t.assert.deepStrictEqual(service.log, [])
    t.assert.strictEqual(await drafts.load(), 'a')
  })

  test('do not fail with the service', async (t: TestContext) => {
    const fails = async (): Promise<never> => {
      throw new Error('offline')
    }
    const drafts = createDrafts({ draft: fails, storeDraft: fails }, true)
    t.assert.strictEqual(await drafts.load(), undefined)
    drafts.store(undefined, 'a')
    await drafts.flush()
    t.assert.strictEqual(await drafts.load(), 'a')
  })
})
