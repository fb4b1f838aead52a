import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { note, startAbandonedResults } from '../../support/abandoned-calls.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Two processes on one folder, which know nothing else of each other. */
async function startTwo(t: TestContext) {
  const one = await startAbandonedResults(t, { isFolderShared: true, storeUnprovenAfterMs: 1 })
  const other = await startAbandonedResults(t, {
    folder: one.folder,
    isFolderShared: true,
    storeUnprovenAfterMs: 1,
  })
  return { one, other, paid: () => one.world.paid + other.world.paid }
}

type Process = Awaited<ReturnType<typeof startAbandonedResults>>

/** A call that was paid for and abandoned at a process, and is stored. */
async function abandonAt(process: Process, text = 'image'): Promise<void> {
  const call = process.call()
  await waitFor('the call', () => process.world.paid > 0)
  call.disconnect()
  call.finish(text)
  await process.seen('stored')
}

test('a result that one process stored is received at the other, once', async (t: TestContext) => {
  const { one, other, paid } = await startTwo(t)
  await abandonAt(one)
  const { text, images } = await other.call().take()
  t.assert.deepEqual(images, ['image'])
  t.assert.match(text, note)
  await waitFor('the removal of its file', async () => (await one.files()).length === 0)
  const next = one.call()
  next.finish('another')
  t.assert.deepEqual((await next.take()).images, ['another'])
  t.assert.equal(paid(), 2)
})

test('of two retries at once, at two processes, one receives the stored result and the other makes a call', async (t: TestContext) => {
  for (let round = 0; round < 10; round++) {
    const { one, other, paid } = await startTwo(t)
    await abandonAt(one, 'x'.repeat(300_000))
    const retries = [other.call(), one.call()]
    for (const retry of retries) retry.finish('another')
    const received = await Promise.all(retries.map(async (retry) => (await retry.take()).images.join()))
    t.assert.deepEqual(
      received.map(({ length }) => length).toSorted((a, b) => a - b),
      [7, 300_000],
      `round ${round}`,
    )
    t.assert.equal(paid(), 2)
  }
})

test('a result whose delivery failed at one process is on offer at the other again', async (t: TestContext) => {
  const { one, other, paid } = await startTwo(t)
  await abandonAt(one)
  const retry = other.call()
  await retry.response
  retry.disconnect()
  await waitFor('the release', async () => (await one.files()).some((name) => name.endsWith('.result')))
  t.assert.deepEqual((await one.call().take()).images, ['image'])
  t.assert.equal(paid(), 1)
})

test('a response is whole although its file is removed while it is sent', async (t: TestContext) => {
  const { one, other } = await startTwo(t)
  await abandonAt(one)
  const retry = other.call()
  await retry.response
  await one.abandonedResults.load()
  t.assert.equal(one.abandonedResults.waiting, 1, 'the first process still has it on its list')
  retry.disconnect()
  await waitFor('its return', async () => (await one.files()).every((name) => !name.endsWith('.claimed')))
  t.assert.deepEqual((await one.call().take()).images, ['image'])
  t.assert.deepEqual((await retry.read()).images, ['image'])
})

test('what a process was delivering when it was killed is on offer again after a while', async (t: TestContext) => {
  const { one, other, paid } = await startTwo(t)
  await abandonAt(one)
  await other.call().response
  const [name = ''] = await one.files()
  t.assert.match(name, /\.claimed$/)
  const third = await startAbandonedResults(t, { folder: one.folder, isFolderShared: true })
  const early = third.call()
  early.finish('another')
  t.assert.deepEqual((await early.take()).images, ['another'])
  await utimes(join(one.folder, name), 0, Date.now() / 1000 - 21)
  t.assert.deepEqual((await third.call().take()).images, ['image'])
  t.assert.equal(paid() + third.world.paid, 2)
})

test('an unproven result is for a call on a connection that was opened after its response was sent', async (t: TestContext) => {
  const { one, other, paid } = await startTwo(t)
  const first = one.call()
  first.finish()
  await first.read()
  first.advance({ state: 'sent' })
  await waitFor('its file', async () => (await readdir(one.folder)).some((name) => name.endsWith('.result')))
  other.world.wall += 2_000
  other.world.monotonic += 2_000
  const older = other.call(undefined, { openedAt: 0 })
  older.finish('own')
  t.assert.deepEqual((await older.take()).images, ['own'])
  const newer = other.call(undefined, { openedAt: 1_000 })
  const { text, images } = await newer.take()
  t.assert.deepEqual(images, ['image'])
  t.assert.match(text, /nothing shows that you received its response/)
  t.assert.equal(paid(), 2)
})

test('a file that one process removes was not made an abandoned one by the other', async (t: TestContext) => {
  const { one, other, paid } = await startTwo(t)
  const first = one.call()
  first.finish()
  await first.read()
  first.advance({ state: 'sent' })
  await waitFor('its file', async () => (await readdir(one.folder)).some((name) => name.endsWith('.result')))
  await other.abandonedResults.load()
  t.assert.equal(other.abandonedResults.waiting, 1)
  one.world.wall += 30_000
  first.advance({ state: 'abandoned' })
  await one.seen('stored')
  other.world.monotonic += 61_000
  const own = other.call({ prompt: 'b' })
  own.finish('own')
  await own.take()
  await other.abandonedResults.close()
  t.assert.deepEqual((await one.call().take()).images, ['image'])
  t.assert.equal(paid(), 2)
})
