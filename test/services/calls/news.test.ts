import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createNews } from '../../../services/calls/news.ts'
import { waitFor } from '../../support/wait-for.ts'

const never = new AbortController().signal

test('news wakes everyone who waits for its key, and no one else', async (t: TestContext) => {
  const news = createNews<string>()
  const other = new AbortController()
  const all = [news.wait('a', never), news.wait('a', never, 60_000), news.wait('b', other.signal)]
  news.wake('a')
  other.abort()
  t.assert.deepStrictEqual(await Promise.all(all), [true, true, false])
})

test('a wait without news ends at its limit, or at once after the signal', async (t: TestContext) => {
  const news = createNews<string>()
  t.assert.strictEqual(await news.wait('a', never, 1), false)
  t.assert.strictEqual(await news.wait('a', never, -1), false)
  t.assert.strictEqual(await news.wait('a', AbortSignal.abort()), false)
})

test('news before the wait is not news, and a wait that ended does not take the next one', async (t: TestContext) => {
  const news = createNews<string>()
  news.wake('a')
  const short = news.wait('a', never, 1)
  const long = news.wait('a', never)
  t.assert.strictEqual(await short, false)
  news.wake('a')
  t.assert.strictEqual(await long, true)
})

test('nothing is stored of a key that no one waits for any more', async (t: TestContext) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const news = createNews<object>()
  const keys: WeakRef<object>[] = []
  async function wait(end: (key: object) => void, signal: AbortSignal, ms?: number): Promise<void> {
    const key = {}
    keys.push(new WeakRef(key))
    const woken = news.wait(key, signal, ms)
    end(key)
    await woken
  }
  const cancelled = new AbortController()
  await wait(() => {}, never, 1)
  await wait(news.wake, never)
  await wait(() => cancelled.abort(), cancelled.signal)
  await waitFor('the keys to be collected', () => {
    collect()
    return keys.every((key) => key.deref() === undefined)
  })
  t.assert.ok(news)
})
