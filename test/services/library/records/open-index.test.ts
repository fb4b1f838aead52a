import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { isNetworkType } from '../../../../services/databases/network-folder.ts'
import { openRecordIndex } from '../../../../services/library/records/open-index.ts'
import { LogLines } from '../../../support/app.ts'
import { imageRecord } from '../../../support/image-records.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

async function opening(t: TestContext, options: Parameters<typeof openRecordIndex>[0]) {
  const lines = new LogLines()
  let emptied = 0
  const opened = await openRecordIndex(options, pino(lines), () => emptied++)
  t.after(() => opened.index[Symbol.asyncDispose]())
  return { ...opened, lines, emptied: () => emptied }
}

test('the index is in the images folder, or in STATE_DIR, and is empty only once', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const record = imageRecord(1)
  for (const [options, place] of [
    [{ folder }, '.library'],
    [{ folder, stateFolder: join(folder, 'state/deep') }, 'state/deep'],
  ] as const) {
    const first = await opening(t, options)
    t.assert.equal(first.isEmpty, true)
    await first.index.put([record])
    t.assert.ok((await readdir(join(folder, place))).includes('index.db'))
    const second = await opening(t, options)
    t.assert.equal(second.isEmpty, false)
    t.assert.deepEqual(await second.index.get(record.id), record)
    t.assert.deepEqual(second.lines.lines, [])
  }
})

for (const [kind, content] of [
  ['text', 'no database '.repeat(1000)],
  ['an empty file', ''],
  ['half a header', 'SQLite format 3\0'],
] as const) {
  test(`${kind} in place of the index is replaced by an empty one`, async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    await mkdir(join(folder, '.library'))
    await writeFile(join(folder, '.library/index.db'), content)
    const { index, isEmpty } = await opening(t, { folder })
    t.assert.equal(isEmpty, true)
    await index.put([imageRecord(1)])
    t.assert.equal((await index.find({ limit: 5 })).records.length, 1)
  })
}

test('an index that is damaged while it is open is replaced, and its owner is told to fill it', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, '.library/index.db')
  {
    const { index } = await opening(t, { folder })
    await index.put(Array.from({ length: 500 }, (_, second) => imageRecord(second, { prompt: 'a red fox' })))
    await index[Symbol.asyncDispose]()
  }
  const { size } = await stat(file)
  const { index, emptied, lines } = await opening(t, { folder })
  const bytes = await readFile(file)
  await writeFile(file, bytes.fill(0xa5, 8192, size))
  t.assert.deepEqual((await index.find({ text: 'fox', limit: 5 })).records, [])
  t.assert.equal(emptied(), 1)
  t.assert.match(lines.text, /index of images was damaged/)
  await index.put([imageRecord(1, { prompt: 'a red fox' })])
  t.assert.equal((await index.find({ text: 'fox', limit: 5 })).records.length, 1)
  t.assert.equal(emptied(), 1)
})

test('a damaged index whose replacement fails is replaced by a later call', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const place = join(folder, '.library')
  {
    const { index } = await opening(t, { folder })
    await index.put(Array.from({ length: 500 }, (_, second) => imageRecord(second)))
    await index[Symbol.asyncDispose]()
  }
  const { index, emptied } = await opening(t, { folder })
  const file = join(place, 'index.db')
  const { size } = await stat(file)
  await writeFile(file, Buffer.alloc(size, 0xa5))
  await rename(place, `${place}-moved`)
  await writeFile(place, 'a file in place of the folder')
  await t.assert.rejects(index.find({ limit: 5 }))
  await rm(place)
  await mkdir(place)
  t.assert.deepEqual((await index.find({ limit: 5 })).records, [])
  await index.put([imageRecord(1)])
  t.assert.deepEqual([(await index.find({ limit: 5 })).records.length, emptied()], [1, 1])
})

test('where the folder cannot be written the index is temporary, which is logged once', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  for (const stateFolder of [join(folder, 'file'), join(folder, 'file/state'), '/proc/self']) {
    const { index, isEmpty, lines } = await opening(t, { folder, stateFolder })
    t.assert.equal(isEmpty, true)
    await index.put([imageRecord(1)])
    t.assert.equal((await index.find({ limit: 5 })).records.length, 1)
    t.assert.equal(lines.lines.length, 1)
    t.assert.match(lines.text, /index of images is temporary/)
  }
})

test('file systems on a network or in user space are known, local ones are not among them', (t: TestContext) => {
  // https://man7.org/linux/man-pages/man2/statfs.2.html: NFS, SMB2 as a signed number, FUSE, 9p, Ceph.
  for (const type of [0x6969, 0xfe534d42 | 0, 0x65735546, 0x01021997, 0x00c36400]) t.assert.ok(isNetworkType(type))
  // ext4, XFS, Btrfs, ZFS, overlay, tmpfs.
  for (const type of [0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0x794c7630, 0x01021994]) {
    t.assert.ok(!isNetworkType(type))
  }
})
