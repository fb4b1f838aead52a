import { chmod, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createChain } from '../../../services/calls/chain.ts'
import { MINUTE, note, resultOf, startAbandonedResults } from '../../support/abandoned-calls.ts'
import { callerOf, paidCall } from '../../support/calls.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Files of earlier versions have no links in their first line. */
async function asEarlierVersion(path: string): Promise<void> {
  const file = await readFile(path)
  const end = file.indexOf('\n')
  const { links: _, ...header } = JSON.parse(file.toString('utf8', 0, end))
  await writeFile(path, Buffer.concat([Buffer.from(JSON.stringify(header)), file.subarray(end)]))
}

describe('a stored result', () => {
  test('expires, whatever the wall clock does', async (t: TestContext) => {
    const { call, abandoned, world, seen, files } = await startAbandonedResults(t)
    await abandoned()
    world.wall += 365 * 24 * 60 * MINUTE
    world.monotonic = 9 * MINUTE
    const retry = call()
    await retry.response
    retry.disconnect()
    t.assert.equal(world.paid, 1)
    world.wall = 0
    world.monotonic = 10 * MINUTE
    call().finish()
    await seen('expired')
    t.assert.equal(world.paid, 2)
    await waitFor('the removal of all result files', async () => (await files()).length === 0)
  })

  test('is bounded in number: the oldest is evicted first', async (t: TestContext) => {
    const { abandoned, files, seen, abandonedResults } = await startAbandonedResults(t, { maxEntries: 3 })
    for (let n = 0; n < 5; n++) await abandoned({ prompt: `${n}` })
    await seen('evicted', 2)
    await waitFor('the removal of the oldest files', async () => (await files()).length <= 3)
    t.assert.equal(abandonedResults.waiting, 3)
  })

  test('is evicted in order of age after a restart too', async (t: TestContext) => {
    const first = await startAbandonedResults(t)
    for (let n = 0; n < 8; n++) {
      await first.abandoned({ prompt: `${n}` })
      first.world.wall += 1000
    }
    await first.abandonedResults.close()
    // Some file systems list files in the order in which they got their names.
    for (const name of (await first.files()).reverse()) {
      await rename(join(first.folder, name), join(first.folder, `a${name}`))
    }
    const { abandonedResults, seen, call, world } = await startAbandonedResults(t, {
      maxEntries: 2,
      folder: first.folder,
    })
    await abandonedResults.load()
    await seen('evicted', 6)
    for (const prompt of ['6', '7']) t.assert.match((await call({ prompt }).take()).text, note)
    t.assert.equal(world.paid, 0)
  })

  test('is never evicted for the results of another caller, also after a restart', async (t: TestContext) => {
    const first = await startAbandonedResults(t, { maxEntries: 5 })
    await first.abandoned({ prompt: 'own' }, 'own', 'key:bob')
    for (let n = 0; n < 4; n++) await first.abandoned({ prompt: `${n}` })
    await first.abandonedResults.close()
    const { abandoned, abandonedResults, seen, call, world } = await startAbandonedResults(t, {
      maxEntries: 5,
      folder: first.folder,
    })
    await abandonedResults.load()
    for (let n = 0; n < 6; n++) await abandoned({ prompt: `later ${n}` })
    await seen('evicted', 6)
    const before = world.paid
    t.assert.deepEqual((await call({ prompt: 'own' }, { caller: 'key:bob' }).take()).images, ['own'])
    t.assert.equal(world.paid, before)
  })

  test('is evicted after results that were probably delivered', async (t: TestContext) => {
    const { abandoned, call, proofs, world } = await startAbandonedResults(t, {
      maxEntries: 2,
      storeUnprovenAfterMs: 1,
    })
    await abandoned({ prompt: 'paid for and lost' }, 'lost')
    for (let n = 0; n < 3; n++) {
      const one = call({ prompt: `${n}` })
      one.finish()
      await one.read()
      one.advance({ state: 'sent' })
      world.monotonic += 1
    }
    await waitFor('two proofs', () => proofs.length >= 2)
    t.assert.deepEqual((await call({ prompt: 'paid for and lost' }).take()).images, ['lost'])
    t.assert.equal(world.paid, 4)
  })

  test('is read to its end although its client cancels meanwhile', async (t: TestContext) => {
    const { abandonedResults, call, files, folder, world } = await startAbandonedResults(t, { storeUnprovenAfterMs: 1 })
    const first = call()
    first.finish()
    await first.read()
    first.advance({ state: 'sent' })
    await waitFor('a result file', async () => (await files()).some((name) => name.endsWith('.result')))
    const [before] = await files()
    world.monotonic = 1
    const retry = call({ prompt: 'a' }, { id: 2, openedAt: 1 })
    await retry.response
    abandonedResults.suspect(callerOf('key:alice'), 2)
    await abandonedResults.close()
    t.assert.deepEqual(await files(), [before])
    t.assert.deepEqual((await retry.take()).images, ['image'])
    const next = await startAbandonedResults(t, { folder })
    world.wall += 5 * MINUTE
    next.world.wall = world.wall
    await next.abandonedResults.load()
    t.assert.deepEqual((await next.call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is bounded in bytes', async (t: TestContext) => {
    const { abandoned, seen, call, world } = await startAbandonedResults(t, { maxBytes: 5000 })
    await abandoned({ prompt: 'old' }, 'x'.repeat(2500))
    await abandoned({ prompt: 'new' }, 'y'.repeat(2500))
    await seen('evicted')
    t.assert.equal((await call({ prompt: 'new' }).take()).images[0]?.length, 2500)
    t.assert.equal(world.paid, 2)
  })

  test('survives the process: the next one delivers it', async (t: TestContext) => {
    const before = await startAbandonedResults(t)
    await before.abandoned()
    await before.abandonedResults.close()
    const after = await startAbandonedResults(t, { folder: before.folder })
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 1)
    const { text, images } = await after.call().take()
    t.assert.deepEqual(images, ['image'])
    t.assert.match(text, note)
    t.assert.equal(after.world.paid, 0)
  })

  for (const version of ['this', 'an earlier']) {
    test(`of ${version} version has its whole content in the next process`, async (t: TestContext) => {
      const before = await startAbandonedResults(t)
      const { content: image } = resultOf('image')
      const link = {
        type: 'resource_link' as const,
        uri: 'image:///x.png',
        name: 'x.png',
        mimeType: 'image/png',
        size: 5,
      }
      const { call, disconnect } = paidCall(
        { prompt: 'a' },
        {
          caller: 'key:alice',
          requestId: 1,
          make: async () => ({ content: [...image, { type: 'text', text: 'Image 1: a note' }, link] }),
        },
      )
      disconnect()
      await createChain([before.abandonedResults.around])(call)
      await before.seen('stored')
      await before.abandonedResults.close()
      const [name = ''] = await before.files()
      if (version === 'an earlier') await asEarlierVersion(join(before.folder, name))
      const after = await startAbandonedResults(t, { folder: before.folder })
      await after.abandonedResults.load()
      const { content } = await after.call().response
      t.assert.deepEqual(
        content.map(({ type }) => type),
        ['text', 'image', 'text', ...(version === 'this' ? ['resource_link'] : [])],
      )
      t.assert.partialDeepStrictEqual(content[0], { text: 'Image successfully generated.' })
      const notes = content[2]?.type === 'text' ? content[2].text.split('\n') : []
      t.assert.equal(notes[0], 'Image 1: a note')
      t.assert.match(notes[1] ?? '', note)
      if (version === 'this') t.assert.deepEqual(content[3], link)
    })
  }

  test('survives the process and a clock that was set back a day, and not for a day longer', async (t: TestContext) => {
    const before = await startAbandonedResults(t)
    await before.abandoned()
    await before.abandonedResults.close()
    const after = await startAbandonedResults(t, { folder: before.folder })
    after.world.wall = before.world.wall - 24 * 60 * MINUTE
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 1)
    after.world.monotonic = 10 * MINUTE
    after.call().finish()
    await after.seen('expired')
    t.assert.equal(after.world.paid, 1)
  })

  test('reveals neither caller nor prompt on disk', async (t: TestContext) => {
    const { abandoned, folder, files } = await startAbandonedResults(t)
    await abandoned({ prompt: 'a secret wish' })
    const [name = ''] = await files()
    t.assert.doesNotMatch(await readFile(join(folder, name), 'latin1'), /alice|secret wish/)
  })

  test('is not loaded if it is incomplete, not ours or expired, and old temporary files are removed', async (t: TestContext) => {
    const before = await startAbandonedResults(t)
    await before.abandoned({ prompt: 'torn' })
    const [torn = ''] = await before.files()
    await truncate(join(before.folder, torn), 200)
    await writeFile(join(before.folder, 'other.result'), '{"version":1}\n')
    await writeFile(join(before.folder, 'noise.result'), Buffer.alloc(100_000, 7))
    await writeFile(join(before.folder, 'old.part'), 'x')
    await utimes(join(before.folder, 'old.part'), 0, 0)
    await writeFile(join(before.folder, 'young.part'), 'x')
    const after = await startAbandonedResults(t, { folder: before.folder })
    after.world.wall = Date.now()
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 0)
    t.assert.deepEqual(await after.files(), ['young.part'])
  })

  test('stays in memory if the disk cannot be written', async (t: TestContext) => {
    const parent = await temporaryFolder(t)
    await writeFile(join(parent, 'file'), '')
    const { call, abandoned, world } = await startAbandonedResults(t, { folder: join(parent, 'file', 'below') })
    await abandoned()
    t.assert.deepEqual((await call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is paid for again if its file was removed', async (t: TestContext) => {
    const { call, abandoned, world, folder } = await startAbandonedResults(t)
    await abandoned()
    await chmod(folder, 0o700)
    await rm(folder, { recursive: true })
    const retry = call()
    retry.finish('again')
    t.assert.deepEqual((await retry.take()).images, ['again'])
    t.assert.equal(world.paid, 2)
  })
})
