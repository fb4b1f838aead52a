import { createHash } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { newImageId } from '../../../services/library/image-id.ts'
import { recordName, unnamedLocation } from '../../../services/library/locations.ts'
import { removeOrphans } from '../../../services/library/maintenance/prune.ts'
import { importRecords, reindex } from '../../../services/library/maintenance/reindex.ts'
import { applyRetention, type RetentionOptions } from '../../../services/library/maintenance/retention.ts'
import { type VerifyOptions, verify } from '../../../services/library/maintenance/verify.ts'
import { openSqliteIndex } from '../../../services/library/records/sqlite-index.ts'
import { imageRecord } from '../../support/image-records.ts'
import { type StoreKind, storeKinds } from '../../support/stores.ts'

const DAY = 86_400_000

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

for (const [kind, start] of Object.entries(storeKinds)) {
  describe(`maintenance of a library in ${kind}`, () => {
    let stores: StoreKind
    before(async () => {
      stores = await start()
    })
    after(() => stores[Symbol.asyncDispose]())

    async function library(t: TestContext) {
      const place = await stores.open()
      const { index } = openSqliteIndex({ file: '', onEmptied: t.assert.fail })
      t.after(() => index[Symbol.asyncDispose]())
      const { files } = place.store

      /** An image as a library stores it, which may have been made long ago. */
      async function add(changes: Partial<ImageRecord> = {}, content = Buffer.from('an image')): Promise<ImageRecord> {
        const createdAt = changes.createdAt ?? Date.now()
        const id = newImageId(createdAt)
        const record = imageRecord(0, {
          id,
          location: unnamedLocation(id, 'image/png'),
          bytes: content.length,
          sha256: createHash('sha256').update(content).digest('hex'),
          ...changes,
          createdAt,
        })
        await place.put(record.location, content)
        await place.put(recordName(record), JSON.stringify(record))
        await index.put([record])
        return record
      }

      const problems = async (options: Partial<VerifyOptions> = {}) => {
        const found = await allOf(verify({ files, index, recentMs: 0, ...options }))
        return found.map(({ kind, name }) => `${kind} ${name}`).sort()
      }
      const retain = (options: Partial<RetentionOptions>) =>
        applyRetention({ files, index }, { ttlMs: 0, maxBytes: 0, ...options })
      const prune = async (isDryRun = false, keepMs = 0) =>
        (await allOf(removeOrphans({ files, isDryRun, keepMs }))).map(({ name }) => name).sort()
      return { ...place, files, index, add, problems, retain, prune }
    }

    test('an empty index is filled from the records, of which copies and other files count for nothing', async (t: TestContext) => {
      const { index, files, put, add } = await library(t)
      const records = [await add(), await add({ isNamed: true, location: 'folder/a b.png' }), await add()]
      for (const { id } of records) await index.remove(id)
      await put(`copy/.${records[1]?.id}.json`, JSON.stringify(records[1]))
      await put('notes.json', '{}')
      await put(`.library/2026/11/01/${newImageId()}.json`, '{"torn')
      t.assert.deepEqual(await importRecords({ files, index }, { isComplete: false }), { imported: 3, invalid: 2 })
      for (const record of records) t.assert.deepEqual(await index.get(record.id), record)
      t.assert.deepEqual(await importRecords({ files, index }, { isComplete: false }), { imported: 0, invalid: 1 })
    })

    test('records that name any other file of the store are not taken', async (t: TestContext) => {
      const { index, files, put } = await library(t)
      await put('secret.png', 'secret')
      await put('.hidden.png', 'secret')
      const record = imageRecord(1)
      for (const changes of [
        { location: 'secret.png' },
        { location: '../secret.png' },
        { isNamed: true, location: '.library/../secret.png' },
      ]) {
        await put(recordName(record), JSON.stringify({ ...record, ...changes }))
        t.assert.deepEqual(await importRecords({ files, index }, { isComplete: true }), { imported: 0, invalid: 1 })
      }
      await put(
        recordName({ ...record, isNamed: true, location: 'x' }),
        JSON.stringify({ ...record, isNamed: true, location: '.hidden.png' }),
      )
      t.assert.equal((await importRecords({ files, index }, { isComplete: true })).imported, 0)
    })

    test('of two records that a kill left of an image, the one with the name counts', async (t: TestContext) => {
      const { index, files, put, add, problems } = await library(t)
      const named: ImageRecord[] = []
      const earlier: string[] = []
      // More than one batch, in every order of the folders.
      for (let at = 0; at < 36; at++) {
        const record = await add()
        const renamed = { ...record, isNamed: true, location: `${at % 2 === 0 ? '+' : 'z'}/${at}.png` }
        await put(renamed.location, 'the image')
        await put(recordName(renamed), JSON.stringify(renamed))
        named.push(renamed)
        earlier.push(`other-in-index ${recordName(record)}`)
        await index.remove(record.id)
      }
      for (const { id } of named) await index.remove(id)
      for (let run = 0; run < 2; run++) {
        await reindex({ files, index })
        for (const record of named) t.assert.deepEqual(await index.get(record.id), record)
      }
      const found = await problems()
      t.assert.deepEqual(found.filter((problem) => problem.startsWith('other')).sort(), earlier.sort())
    })

    test('reindex replaces what is outdated and removes what has no record', async (t: TestContext) => {
      const { index, files, add, problems } = await library(t)
      const [one, two, three] = [await add(), await add(), await add()]
      await index.put([{ ...one, tags: ['old'] }, imageRecord(5)])
      await index.remove(two.id)
      await files.remove(recordName(three))
      t.assert.equal((await problems()).length, 5)
      t.assert.deepEqual(await reindex({ files, index }), { imported: 1, invalid: 0, removed: 2 })
      t.assert.deepEqual(await problems(), [`no-record ${three.location}`])
    })

    test('verify names every fault, and nothing that is right or is not the library’s', async (t: TestContext) => {
      const { index, files, put, add, problems } = await library(t)
      await put('holiday.png', 'of the user')
      await put('.library/notes.txt', 'of the user')
      await put('.library/index.db', 'a database')
      for (let at = 0; at < 20; at++)
        await add({ isNamed: at % 2 === 0, ...(at % 2 === 0 ? { location: `n/${at}.png` } : {}) })
      t.assert.deepEqual(await problems({ withHashes: true }), [])

      const [orphan, gone, torn, longer, other, unindexed, stale] = await Promise.all(
        Array.from({ length: 7 }, () => add()),
      )
      const named = await add({ isNamed: true, location: 'n/named.png' })
      const indexed = imageRecord(9)
      await files.remove(recordName(orphan ?? named))
      await index.remove(orphan?.id ?? '')
      await files.remove(gone?.location ?? '')
      await files.remove(named.location)
      await put(recordName(torn ?? named), '{"version":1,')
      await put(longer?.location ?? '', 'an image that is longer')
      await put(other?.location ?? '', 'an imagE')
      await index.remove(unindexed?.id ?? '')
      await put(recordName(stale ?? named), JSON.stringify({ ...stale, tags: ['new'] }))
      await index.put([indexed])
      await put('.library/2026/11/01/.0123456789abcdef0123456789abcdef.tmp', '{')
      const expected = [
        `no-record ${orphan?.location}`,
        `no-image ${recordName(gone ?? named)}`,
        `no-image ${recordName(named)}`,
        `torn-record ${recordName(torn ?? named)}`,
        `wrong-size ${longer?.location}`,
        `not-in-index ${recordName(unindexed ?? named)}`,
        `other-in-index ${recordName(stale ?? named)}`,
        `only-in-index ${indexed.location}`,
        'temporary .library/2026/11/01/.0123456789abcdef0123456789abcdef.tmp',
      ].sort()
      t.assert.deepEqual(await problems(), expected)
      t.assert.deepEqual(await problems({ withHashes: true }), [...expected, `wrong-hash ${other?.location}`].sort())
    })

    test('prune removes orphans older than an hour, and never an image that has a name or a record', async (t: TestContext) => {
      const { names, files, put, add, prune } = await library(t)
      await put('holiday.png', 'of the user')
      await put(`${newImageId()}.png`, 'of the user')
      await put('.library/notes.txt', 'of the user')
      const [whole, orphan, gone, torn] = [await add(), await add(), await add(), await add()]
      await put(recordName(torn), '')
      const named = await add({ isNamed: true, location: 'n/named.png' })
      const lost = await add({ isNamed: true, location: 'n/lost.png' })
      await files.remove(recordName(orphan))
      await files.remove(gone.location)
      await files.remove(lost.location)
      const before = await names()
      const orphans = [orphan.location, recordName(gone), torn.location, recordName(torn)].sort()
      t.assert.deepEqual(await prune(false, 3_600_000), [])
      t.assert.deepEqual(await prune(true), orphans)
      t.assert.deepEqual(await names(), before)
      t.assert.deepEqual(await prune(), orphans)
      const after = new Set(await names())
      for (const name of before) t.assert.equal(after.has(name), !orphans.includes(name), name)
      t.assert.ok(after.has(whole.location) && after.has(named.location) && after.has(recordName(lost)))
    })

    test('retention removes unnamed images that are too old: bytes, record and entry', async (t: TestContext) => {
      const { names, index, add, retain, problems } = await library(t)
      const old = await add({ createdAt: Date.now() - 8 * DAY })
      const kept = [
        await add({ createdAt: Date.now() - 6 * DAY }),
        await add({ createdAt: Date.now() - 99 * DAY, isNamed: true, location: 'a.png' }),
      ]
      t.assert.partialDeepStrictEqual(await retain({ ttlMs: 7 * DAY, isDryRun: true }), { removed: 1, bytes: 8 })
      t.assert.ok(await index.get(old.id))
      t.assert.deepEqual(await retain({ ttlMs: 7 * DAY }), { removed: 1, removedBytes: 8, bytes: 8 })
      t.assert.equal(await index.get(old.id), undefined)
      t.assert.deepEqual(await names(), kept.flatMap((record) => [record.location, recordName(record)]).sort())
      t.assert.deepEqual(await problems(), [])
      t.assert.equal((await retain({ ttlMs: 7 * DAY })).removed, 0)
    })

    test('above the limit the owner with most bytes loses its oldest images, until the limit holds', async (t: TestContext) => {
      const { index, add, retain } = await library(t)
      const content = Buffer.alloc(1000)
      const ann = [await add({ owner: 'ann' }, content), await add({ owner: 'ann' }, content)]
      const bob: ImageRecord[] = []
      for (let second = 0; second < 5; second++)
        bob.push(await add({ owner: 'bob', createdAt: Date.now() + second }, content))
      await add({ owner: 'bob', isNamed: true, location: 'big.png' }, Buffer.alloc(50_000))
      const removed: string[] = []
      const onRemoved = ({ id }: ImageRecord) => removed.push(id)
      t.assert.equal((await retain({ maxBytes: 7000, onRemoved })).removed, 0)
      t.assert.partialDeepStrictEqual(await retain({ maxBytes: 4500, onRemoved, isDryRun: true }), {
        removed: 3,
        bytes: 4000,
      })
      const planned = removed.splice(0)
      t.assert.partialDeepStrictEqual(await retain({ maxBytes: 4500, onRemoved }), { removed: 3, bytes: 4000 })
      t.assert.deepEqual(
        removed,
        bob.slice(0, 3).map(({ id }) => id),
      )
      t.assert.deepEqual(planned, removed)
      for (const { id } of [...ann, ...bob.slice(3)]) t.assert.ok(await index.get(id))
    })

    test('an image that gets a name while retention works stays in the library', async (t: TestContext) => {
      const { files, index, add, put, retain } = await library(t)
      const record = await add({ createdAt: Date.now() - 2 * DAY })
      const named = { ...record, isNamed: true, location: 'fox.png' }
      const naming: typeof files = {
        ...files,
        async remove(name) {
          if (name === record.location) {
            await put(named.location, Buffer.from('an image'))
            await put(recordName(named), JSON.stringify(named))
            await index.put([named])
          }
          await files.remove(name)
        },
      }
      await applyRetention({ files: naming, index }, { ttlMs: DAY, maxBytes: 0 })
      t.assert.deepEqual(await index.get(record.id), named)
      t.assert.equal((await retain({ ttlMs: DAY })).removed, 0)
    })

    test('an image that cannot be removed keeps no other one from being removed', async (t: TestContext) => {
      const { files, index, add } = await library(t)
      const records = await Promise.all([1, 2, 3].map((days) => add({ createdAt: Date.now() - days * DAY })))
      const stuck = records[1]
      const denying: typeof files = {
        ...files,
        remove: async (name) => (name === stuck?.location ? Promise.reject(new Error('denied')) : files.remove(name)),
      }
      await t.assert.rejects(applyRetention({ files: denying, index }, { ttlMs: DAY / 2, maxBytes: 0 }), /denied/)
      t.assert.deepEqual((await index.find({ limit: 5 })).records, [stuck])
    })

    test('a record that cannot be read keeps no other one out of the index', async (t: TestContext) => {
      const { files, index, add } = await library(t)
      const now = Date.now()
      const records = [
        await add({ createdAt: now - 3000 }),
        await add({ createdAt: now - 2000, isNamed: true, location: 'fox.png' }),
        await add({ createdAt: now - 1000 }),
      ]
      for (const { id } of records) await index.remove(id)
      const [denied, ...others] = records.toReversed()
      const denying: typeof files = {
        ...files,
        readText: (name) =>
          denied !== undefined && name === recordName(denied)
            ? Promise.reject(new Error('denied'))
            : files.readText(name),
      }
      await t.assert.rejects(importRecords({ files: denying, index }, { isComplete: false }), /denied/)
      t.assert.deepEqual((await index.find({ limit: 5 })).records, others)
      await importRecords({ files, index }, { isComplete: false })
      t.assert.deepEqual((await index.find({ limit: 5 })).records, [denied, ...others])
    })

    test('a removal that was interrupted is finished by the next one', async (t: TestContext) => {
      const { names, index, files, add, retain } = await library(t)
      const [one, two] = [await add({ createdAt: 1 }), await add({ createdAt: 2 })]
      await files.remove(one.location)
      await files.remove(two.location)
      await files.remove(recordName(two))
      t.assert.equal((await retain({ ttlMs: DAY })).removed, 2)
      t.assert.deepEqual(await names(), [])
      t.assert.deepEqual((await index.find({ limit: 5 })).records, [])
    })
  })
}
