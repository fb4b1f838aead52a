import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { newImageId } from '../../../services/library/image-id.ts'
import { recordName, unnamedLocation, unnamedRecordName } from '../../../services/library/locations.ts'
import { importRecords } from '../../../services/library/maintenance/reindex.ts'
import { imageRecord } from '../../support/image-records.ts'
import { addImage, openTestLibrary, ownerAccess } from '../../support/library.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** A shared mount: other programs write into the folder. */

const ann = ownerAccess('ann')

async function sharedLibrary(t: TestContext) {
  const root = await temporaryFolder(t)
  const folder = path.join(root, 'images')
  await writeFile(path.join(root, 'secret.png'), 'secret')
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  return { ...openTestLibrary(t, folder), write }
}

test('an id whose record leads to any other file is unknown', async (t: TestContext) => {
  const { library, index, write } = await sharedLibrary(t)
  const other = newImageId()
  const hostile: Partial<ImageRecord>[] = [
    { location: '../secret.png' },
    { location: '.library/../../secret.png' },
    { location: '../secret.png', isNamed: true },
    { location: unnamedLocation(other, 'image/png') },
    { id: other },
  ]
  for (const changes of hostile) {
    const record = imageRecord(0)
    await write(unnamedRecordName(record.id), JSON.stringify({ ...record, ...changes }))
    await t.assert.rejects(library.get(record.id, ann), { code: 'IMG_ERR_IMAGE_ID' })
    await t.assert.rejects(library.remove(record.id, ann), { code: 'IMG_ERR_IMAGE_ID' })
    // The index is a file of the same folder.
    await index.put([{ ...record, ...changes, id: record.id }])
    if (changes.id === undefined) await t.assert.rejects(library.get(record.id, ann), { code: 'IMG_ERR_IMAGE_ID' })
  }
})

test('an id whose record is not JSON, incomplete or endless is unknown', async (t: TestContext) => {
  const { library, write } = await sharedLibrary(t)
  for (const text of ['', '{', '[]', 'null', '{"version":2}', ' '.repeat(5_000_000)]) {
    const id = newImageId()
    await write(unnamedRecordName(id), text)
    await t.assert.rejects(library.get(id, ann), { code: 'IMG_ERR_IMAGE_ID' })
  }
})

test('no name of a file leads out of the store', async (t: TestContext) => {
  const { store } = await sharedLibrary(t)
  for (const name of ['../secret.png', 'a/../../secret.png', './../secret.png', '/etc/passwd', 'a//../b']) {
    await t.assert.rejects(store.files.open(name), { code: 'IMG_ERR_PATH_OUTSIDE' }, name)
    await t.assert.rejects(store.files.remove(name), { code: 'IMG_ERR_PATH_OUTSIDE' }, name)
  }
})

test('no record of another program keeps the others out of the index, or its lists from being read', async (t: TestContext) => {
  const { store, library, index, write } = await sharedLibrary(t)
  const mine = await addImage({ store, library }, 'ann')
  await index.remove(mine.id)
  const farFuture = 'img_7zzzzzzzzz0000000000000000'
  const hostile: Partial<ImageRecord>[] = [
    { bytes: 1e300 },
    { bytes: 2 ** 53 },
    { width: 1e300 },
    { createdAt: 1e300 },
    { id: farFuture, location: unnamedLocation(farFuture, 'image/png') },
  ]
  for (const changes of hostile) {
    const record = imageRecord(0, changes)
    await write(recordName(record), JSON.stringify(record))
  }
  const endless = newImageId()
  await write(unnamedRecordName(endless), ' '.repeat(5_000_000))
  const { imported, invalid } = await importRecords({ files: store.files, index }, { isComplete: false })
  t.assert.deepStrictEqual([imported, invalid], [1, hostile.length + 1])
  t.assert.deepStrictEqual((await library.find({ limit: 50 }, ann)).records, [mine])
  t.assert.deepStrictEqual(await index.unnamedBytes(), [{ owner: 'ann', bytes: mine.bytes }])
})
