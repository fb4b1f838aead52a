import { chmod, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Base64Image, encodeImage } from '../../../services/bytes/base64-image.ts'
import { type AbandonedEvent, createAbandonedResults } from '../../../services/calls/abandoned-results.ts'
import { createChain } from '../../../services/calls/chain.ts'
import type { ToolResult } from '../../../services/calls/types.ts'
import { serviceError } from '../../../services/errors/errors.ts'
import { temporaryFolder } from '../../support/app.ts'
import { callerOf, paidCall, silent } from '../../support/calls.ts'
import { waitFor } from '../../support/wait-for.ts'

const MINUTE = 60_000

/** Files of earlier versions have no links in their first line. */
async function asEarlierVersion(path: string): Promise<void> {
  const file = await readFile(path)
  const end = file.indexOf('\n')
  const { links: _, ...header } = JSON.parse(file.toString('utf8', 0, end))
  await writeFile(path, Buffer.concat([Buffer.from(JSON.stringify(header)), file.subarray(end)]))
}

function resultOf(text: string, bytes = Buffer.from(text)): ToolResult {
  const image = encodeImage(bytes, { mimeType: 'image/png', width: 2, height: 1 })
  return {
    content: [
      { type: 'text', text: 'Image successfully generated.' },
      { type: 'image', data: image, mimeType: image.mimeType },
    ],
  }
}

async function setUp(
  t: TestContext,
  options: { folder?: string; maxEntries?: number; maxBytes?: number; storeUnprovenAfterMs?: number } = {},
) {
  const folder = options.folder ?? join(await temporaryFolder(t), '.abandoned')
  const world = { wall: Date.UTC(2030, 0, 1), monotonic: 0, paid: 0 }
  const events: AbandonedEvent[] = []
  const proofs: string[] = []
  const abandonedResults = createAbandonedResults({
    folder,
    ttlMs: 10 * MINUTE,
    maxEntries: options.maxEntries ?? 10,
    maxBytes: options.maxBytes ?? 1_000_000,
    log: silent,
    onEvent: (event) => events.push(event),
    now: () => world.wall,
    monotonic: () => world.monotonic,
    onDelivered: (proof) => proofs.push(proof),
    storeUnprovenAfterMs: options.storeUnprovenAfterMs ?? 60_000,
  })
  t.after(() => abandonedResults.close())

  /** A call and its client, which can disconnect, read the images, and prove that it did. */
  function call(args: object = { prompt: 'a' }, { caller = 'key:alice', id = 1, openedAt = 0 } = {}) {
    const work = Promise.withResolvers<ToolResult>()
    const make = () => {
      world.paid++
      return work.promise
    }
    const paid = paidCall({ ...args }, { caller, requestId: id, openedAt, make })
    const response = createChain([abandonedResults.around])(paid.call)
    response.catch(() => {})
    return {
      disconnect: paid.disconnect,
      finish: (text = 'image') => work.resolve(resultOf(text)),
      fail: () => work.reject(serviceError('IMG_ERR_CANCELLED', [])),
      response,
      advance: paid.delivery.report,
      /** Reads the response and proves it. */
      async take() {
        const taken = await this.read()
        paid.delivery.report({ state: 'sent' })
        paid.delivery.report({ state: 'delivered', proof: 'next_request' })
        return taken
      },
      async read() {
        const { content } = await response
        const texts = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
        const images: string[] = []
        for (const block of content) {
          if (block.type !== 'image' || !(block.data instanceof Base64Image)) continue
          const chunks: Buffer[] = []
          for await (const chunk of block.data.chunks()) chunks.push(chunk)
          images.push(Buffer.from(Buffer.concat(chunks).toString('latin1'), 'base64').toString())
        }
        await paid.scope.disposeAsync()
        return { text: texts.join('\n'), images }
      },
    }
  }

  async function seen(event: AbandonedEvent, times = 1) {
    await waitFor(`event ${event}`, () => events.filter((one) => one === event).length >= times)
  }

  /** A call that is paid for, abandoned, and stored. */
  async function abandoned(args?: object, text?: string, caller?: string) {
    const times = events.filter((one) => one === 'stored').length
    const left = call(args, caller === undefined ? {} : { caller })
    left.disconnect()
    left.finish(text)
    await seen('stored', times + 1)
    await left.response
  }

  return {
    folder,
    world,
    events,
    abandonedResults,
    call,
    seen,
    abandoned,
    proofs,
    files: () => readdir(folder).catch(() => []),
  }
}

const note = /made for your earlier, identical call/

describe('a delivered call', () => {
  test('leaves nothing, and its twin is made and paid for separately', async (t: TestContext) => {
    const { call, world, abandonedResults, files } = await setUp(t)
    for (const paid of [1, 2]) {
      const one = call()
      one.finish(`image ${paid}`)
      const { text, images } = await one.take()
      t.assert.deepEqual(images, [`image ${paid}`])
      t.assert.doesNotMatch(text, note)
      one.disconnect()
      t.assert.equal(world.paid, paid)
    }
    t.assert.equal(abandonedResults.waiting, 0)
    t.assert.deepEqual(await files(), [])
  })

  test('is independent of a twin that runs at the same time', async (t: TestContext) => {
    const { call, world } = await setUp(t)
    const [first, second] = [call(), call()]
    first.finish('one')
    second.finish('two')
    t.assert.deepEqual((await first.take()).images, ['one'])
    t.assert.deepEqual((await second.take()).images, ['two'])
    t.assert.equal(world.paid, 2)
  })
})

describe('a call whose client disconnects', () => {
  for (const [when, order] of [
    ['while it runs', ['disconnect', 'finish']],
    ['when it is finished, before its last byte', ['finish', 'disconnect']],
  ] as const) {
    test(`${when}: the identical call receives its image once, with a note`, async (t: TestContext) => {
      const { call, world, seen, files } = await setUp(t)
      const first = call({ prompt: 'a', size: '1x1' })
      for (const step of order) {
        first[step]('the image')
        await pause(5)
      }
      await seen('stored')
      t.assert.equal((await files()).length, 1)

      const retry = call({ size: '1x1', prompt: 'a' })
      const { text, images } = await retry.take()
      t.assert.deepEqual(images, ['the image'])
      t.assert.match(text, /^Image successfully generated\.\n/)
      t.assert.match(text, note)
      t.assert.equal(world.paid, 1)
      await seen('received')
      await waitFor('the removal of all result files', async () => (await files()).length === 0)

      const third = call({ prompt: 'a', size: '1x1' })
      third.finish('another')
      t.assert.deepEqual((await third.take()).images, ['another'])
      t.assert.equal(world.paid, 2)
    })
  }

  test('is joined by the identical call while it runs', async (t: TestContext) => {
    const { call, world } = await setUp(t)
    const first = call()
    first.disconnect()
    const retry = call()
    first.finish('late')
    const { text, images } = await retry.take()
    t.assert.deepEqual(images, ['late'])
    t.assert.match(text, note)
    t.assert.equal(world.paid, 1)
  })

  test('is joined by an identical call that came a moment before the disconnect', async (t: TestContext) => {
    const { call, world } = await setUp(t)
    const first = call()
    const retry = call()
    await pause(20)
    first.disconnect()
    await pause(20)
    first.finish('the image')
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(world.paid, 1)
  })

  test('is joined also just after its response was sent, although the other connection is older', async (t: TestContext) => {
    const { call, world } = await setUp(t)
    const first = call()
    first.finish('the image')
    await first.read()
    first.advance({ state: 'sent' })
    const retry = call()
    first.advance({ state: 'abandoned' })
    t.assert.deepEqual((await retry.take()).images, ['the image'])
    t.assert.equal(world.paid, 1)
  })

  test('is not awaited if several identical calls run, which are then intended', async (t: TestContext) => {
    const { call, world } = await setUp(t)
    const calls = Array.from({ length: 4 }, () => call())
    t.assert.equal(world.paid, 3)
    for (const one of calls) one.finish()
    for (const one of calls) t.assert.equal((await one.take()).images.length, 1)
    t.assert.equal(world.paid, 4)
  })

  test('is joined by the third call if the second disconnects too', async (t: TestContext) => {
    const { call, world, abandonedResults, files } = await setUp(t)
    const first = call()
    first.disconnect()
    const second = call()
    second.disconnect()
    const third = call()
    first.finish('late')
    t.assert.deepEqual((await third.take()).images, ['late'])
    t.assert.deepEqual((await second.take()).images, [])
    t.assert.equal(world.paid, 1)
    t.assert.equal(abandonedResults.waiting, 0)
    await waitFor('the removal of all result files', async () => (await files()).length === 0)
  })

  test('is stored if all clients that joined it disconnect before its end', async (t: TestContext) => {
    const { call, world, seen } = await setUp(t)
    const first = call()
    first.disconnect()
    call().disconnect()
    call().disconnect()
    first.finish('late')
    await seen('stored')
    t.assert.deepEqual((await call().take()).images, ['late'])
    t.assert.equal(world.paid, 1)
  })

  test('is stored again if the retry disconnects too', async (t: TestContext) => {
    const { call, abandoned, world } = await setUp(t)
    await abandoned()
    for (let n = 0; n < 3; n++) {
      const retry = call()
      await retry.response
      retry.disconnect()
    }
    t.assert.deepEqual((await call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is not for another caller, tool or argument', async (t: TestContext) => {
    const { call, abandoned, world } = await setUp(t)
    await abandoned({ prompt: 'a', list: ['b', 'c'] })
    const strangers = [
      call({ prompt: 'a', list: ['b', 'c'] }, { caller: 'key:bob' }),
      call({ prompt: 'b', list: ['b', 'c'] }),
      call({ prompt: 'a', list: ['bc'] }),
      call({ prompt: 'a', list: ['b', 'c'], extra: null }),
    ]
    t.assert.equal(world.paid, 1 + strangers.length)
    for (const stranger of strangers) stranger.finish('own')
    for (const stranger of strangers) t.assert.deepEqual((await stranger.take()).images, ['own'])
  })

  test('is one of two twins for two retries', async (t: TestContext) => {
    const { call, abandoned, world } = await setUp(t)
    await abandoned({ prompt: 'a' }, 'one')
    const second = call({ prompt: 'b' })
    second.disconnect()
    second.finish('two')
    t.assert.deepEqual((await call({ prompt: 'b' }).take()).images, ['two'])
    t.assert.deepEqual((await call({ prompt: 'a' }).take()).images, ['one'])
    t.assert.equal(world.paid, 2)
  })

  test('leaves nothing if it failed, and the retry is a new call', async (t: TestContext) => {
    const { call, world, abandonedResults } = await setUp(t)
    const first = call()
    first.disconnect()
    first.fail()
    await t.assert.rejects(first.response)
    await waitFor('the failed call to be forgotten', () => abandonedResults.waiting === 0)
    const retry = call()
    retry.finish('new')
    t.assert.deepEqual((await retry.take()).images, ['new'])
    t.assert.equal(world.paid, 2)
  })
})

describe('a stored result', () => {
  test('expires, whatever the wall clock does', async (t: TestContext) => {
    const { call, abandoned, world, seen, files } = await setUp(t)
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
    const { abandoned, files, seen, abandonedResults } = await setUp(t, { maxEntries: 3 })
    for (let n = 0; n < 5; n++) await abandoned({ prompt: `${n}` })
    await seen('evicted', 2)
    await waitFor('the removal of the oldest files', async () => (await files()).length <= 3)
    t.assert.equal(abandonedResults.waiting, 3)
  })

  test('is evicted in order of age after a restart too', async (t: TestContext) => {
    const first = await setUp(t)
    for (let n = 0; n < 8; n++) {
      await first.abandoned({ prompt: `${n}` })
      first.world.wall += 1000
    }
    await first.abandonedResults.close()
    // Some file systems list files in the order in which they got their names.
    for (const name of (await first.files()).reverse()) {
      await rename(join(first.folder, name), join(first.folder, `a${name}`))
    }
    const { abandonedResults, seen, call, world } = await setUp(t, { maxEntries: 2, folder: first.folder })
    await abandonedResults.load()
    await seen('evicted', 6)
    for (const prompt of ['6', '7']) t.assert.match((await call({ prompt }).take()).text, note)
    t.assert.equal(world.paid, 0)
  })

  test('is never evicted for the results of another caller, also after a restart', async (t: TestContext) => {
    const first = await setUp(t, { maxEntries: 5 })
    await first.abandoned({ prompt: 'own' }, 'own', 'key:bob')
    for (let n = 0; n < 4; n++) await first.abandoned({ prompt: `${n}` })
    await first.abandonedResults.close()
    const { abandoned, abandonedResults, seen, call, world } = await setUp(t, { maxEntries: 5, folder: first.folder })
    await abandonedResults.load()
    for (let n = 0; n < 6; n++) await abandoned({ prompt: `later ${n}` })
    await seen('evicted', 6)
    const before = world.paid
    t.assert.deepEqual((await call({ prompt: 'own' }, { caller: 'key:bob' }).take()).images, ['own'])
    t.assert.equal(world.paid, before)
  })

  test('is evicted after results that were probably delivered', async (t: TestContext) => {
    const { abandoned, call, proofs, world } = await setUp(t, { maxEntries: 2, storeUnprovenAfterMs: 1 })
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
    const { abandonedResults, call, files, folder, world } = await setUp(t, { storeUnprovenAfterMs: 1 })
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
    const next = await setUp(t, { folder })
    world.wall += 5 * MINUTE
    next.world.wall = world.wall
    await next.abandonedResults.load()
    t.assert.deepEqual((await next.call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is bounded in bytes', async (t: TestContext) => {
    const { abandoned, seen, call, world } = await setUp(t, { maxBytes: 5000 })
    await abandoned({ prompt: 'old' }, 'x'.repeat(2500))
    await abandoned({ prompt: 'new' }, 'y'.repeat(2500))
    await seen('evicted')
    t.assert.equal((await call({ prompt: 'new' }).take()).images[0]?.length, 2500)
    t.assert.equal(world.paid, 2)
  })

  test('survives the process: the next one delivers it', async (t: TestContext) => {
    const before = await setUp(t)
    await before.abandoned()
    await before.abandonedResults.close()
    const after = await setUp(t, { folder: before.folder })
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 1)
    const { text, images } = await after.call().take()
    t.assert.deepEqual(images, ['image'])
    t.assert.match(text, note)
    t.assert.equal(after.world.paid, 0)
  })

  for (const version of ['this', 'an earlier']) {
    test(`of ${version} version has its whole content in the next process`, async (t: TestContext) => {
      const before = await setUp(t)
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
      const after = await setUp(t, { folder: before.folder })
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
    const before = await setUp(t)
    await before.abandoned()
    await before.abandonedResults.close()
    const after = await setUp(t, { folder: before.folder })
    after.world.wall = before.world.wall - 24 * 60 * MINUTE
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 1)
    after.world.monotonic = 10 * MINUTE
    after.call().finish()
    await after.seen('expired')
    t.assert.equal(after.world.paid, 1)
  })

  test('reveals neither caller nor prompt on disk', async (t: TestContext) => {
    const { abandoned, folder, files } = await setUp(t)
    await abandoned({ prompt: 'a secret wish' })
    const [name = ''] = await files()
    t.assert.doesNotMatch(await readFile(join(folder, name), 'latin1'), /alice|secret wish/)
  })

  test('is not loaded if it is incomplete, not ours or expired, and old temporary files are removed', async (t: TestContext) => {
    const before = await setUp(t)
    await before.abandoned({ prompt: 'torn' })
    const [torn = ''] = await before.files()
    await truncate(join(before.folder, torn), 200)
    await writeFile(join(before.folder, 'other.result'), '{"version":1}\n')
    await writeFile(join(before.folder, 'noise.result'), Buffer.alloc(100_000, 7))
    await writeFile(join(before.folder, 'old.part'), 'x')
    await utimes(join(before.folder, 'old.part'), 0, 0)
    await writeFile(join(before.folder, 'young.part'), 'x')
    const after = await setUp(t, { folder: before.folder })
    after.world.wall = Date.now()
    await after.abandonedResults.load()
    t.assert.equal(after.abandonedResults.waiting, 0)
    t.assert.deepEqual(await after.files(), ['young.part'])
  })

  test('stays in memory if the disk cannot be written', async (t: TestContext) => {
    const parent = await temporaryFolder(t)
    await writeFile(join(parent, 'file'), '')
    const { call, abandoned, world } = await setUp(t, { folder: join(parent, 'file', 'below') })
    await abandoned()
    t.assert.deepEqual((await call().take()).images, ['image'])
    t.assert.equal(world.paid, 1)
  })

  test('is paid for again if its file was removed', async (t: TestContext) => {
    const { call, abandoned, world, folder } = await setUp(t)
    await abandoned()
    await chmod(folder, 0o700)
    await rm(folder, { recursive: true })
    const retry = call()
    await pause(20)
    retry.finish('again')
    t.assert.deepEqual((await retry.take()).images, ['again'])
    t.assert.equal(world.paid, 2)
  })
})
