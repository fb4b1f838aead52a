import { execFileSync } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { createBufferSpool, type EncodedTextWriter } from '../../../services/bytes/spooled-buffer.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function textOf(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += chunk.toString('latin1')
  return text
}

async function writeAll(writer: EncodedTextWriter, chunks: readonly string[]) {
  for (const chunk of chunks) await writer.write(Buffer.from(chunk))
  return writer.end()
}

test('buffers copies while they fit, counts them, and empties them when the text is disposed', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 8, spillFolders: [] })
  const chunk = Buffer.from('AAAA')
  const writer = spool.open()
  t.assert.strictEqual(writer.write(chunk), undefined)
  chunk.fill('x')
  const text = await writer.end()
  const [stored] = [...(text.chunks() as Iterable<Buffer>)]
  t.assert.strictEqual(stored?.toString(), 'AAAA')
  t.assert.strictEqual(spool.used, 4)
  await text[Symbol.asyncDispose]()
  await text[Symbol.asyncDispose]()
  t.assert.strictEqual(spool.used, 0)
  t.assert.strictEqual(stored?.length, 0)
})

test('uses the memory of one image for the next, without waiting for the garbage collector', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 200_000_000, spillFolders: [] })
  const chunk = Buffer.alloc(65_536)
  const before = process.memoryUsage().arrayBuffers
  for (let image = 0; image < 20; image++) {
    const writer = spool.open()
    for (let at = 0; at < 128; at++) writer.write(chunk)
    await (await writer.end())[Symbol.asyncDispose]()
  }
  // Of twenty images of 8 MiB each.
  t.assert.ok(process.memoryUsage().arrayBuffers - before < 40 * 1_048_576)
})

test('joins chunks of any size to the same text', async (t: TestContext) => {
  for (const maxBytes of [10_000_000, 300_000, 0]) {
    const spool = createBufferSpool({ maxBytes, spillFolders: [await temporaryFolder(t)] })
    const sizes = [1, 131_071, 0, 131_072, 131_073, 70_000, 600_000, 3]
    const chunks = sizes.map((size, at) => String.fromCharCode(97 + at).repeat(size))
    const text = await writeAll(spool.open(), chunks)
    t.assert.ok((await textOf(text.chunks())) === chunks.join(''), `${maxBytes}`)
    await text[Symbol.asyncDispose]()
    t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
  }
})

test('moves an image that does not fit to an unlinked file, and frees its memory', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const spool = createBufferSpool({ maxBytes: 8, spillFolders: [folder] })
  const inMemory = await writeAll(spool.open(), ['aaaa'])
  const inFile = await writeAll(spool.open(), ['bbbb', 'cccc', 'dddd'])
  t.assert.deepStrictEqual([spool.used, spool.spilled], [4, 1])
  t.assert.deepStrictEqual(await readdir(folder), [])
  t.assert.strictEqual(await textOf(inFile.chunks()), 'bbbbccccdddd')
  t.assert.strictEqual(await textOf(inFile.chunks()), 'bbbbccccdddd')
  t.assert.strictEqual(await textOf(inMemory.chunks()), 'aaaa')
  await Promise.all([inFile[Symbol.asyncDispose](), inMemory[Symbol.asyncDispose]()])
  t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
})

test('uses the next folder where one is not writable', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  await writeFile(path.join(folder, 'file'), '')
  const spool = createBufferSpool({ maxBytes: 0, spillFolders: [path.join(folder, 'file'), folder] })
  const text = await writeAll(spool.open(), ['aaaa'])
  t.assert.strictEqual(spool.spilled, 1)
  await text[Symbol.asyncDispose]()
})

test('keeps an image in memory beyond the bound where no folder is writable', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 4, spillFolders: [path.join(await temporaryFolder(t), 'missing')] })
  const text = await writeAll(spool.open(), ['aaaa', 'bbbb', 'cccc'])
  t.assert.deepStrictEqual([spool.used, spool.spilled], [12, 0])
  t.assert.strictEqual(await textOf(text.chunks()), 'aaaabbbbcccc')
  await text[Symbol.asyncDispose]()
  t.assert.strictEqual(spool.used, 0)
})

test('reads an image back into memory when the disk is full', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const printed = execFileSync(
    'sh',
    // A limit on file size fails a write half-way, as a full disk does, and needs no privileges.
    [
      '-c',
      'ulimit -f 1000 && exec "$@"',
      'sh',
      process.execPath,
      path.join(import.meta.dirname, '../../support/spill-process.ts'),
      folder,
    ],
    { encoding: 'utf8' },
  )
  t.assert.deepStrictEqual(JSON.parse(printed), { isWhole: true, used: 3_000_000, spilled: 0, usedAfter: 0 })
})

test('a text disposed while it is on its way to a file leaves nothing behind', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 4, spillFolders: [await temporaryFolder(t)] })
  for (const before of [[], ['aaaa', 'bbbb']]) {
    const writer = spool.open()
    for (const chunk of before) await writer.write(Buffer.from(chunk))
    const writing = writer.write(Buffer.alloc(300_000))
    await writer[Symbol.asyncDispose]()
    await writing
    t.assert.strictEqual(writer.write(Buffer.alloc(10)), undefined)
    t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
  }
})

test('a text disposed before its end leaves nothing behind', async (t: TestContext) => {
  const spool = createBufferSpool({ maxBytes: 4, spillFolders: [await temporaryFolder(t)] })
  for (const chunks of [['aaaa'], ['aaaa', 'bbbb'], []]) {
    const writer = spool.open()
    for (const chunk of chunks) await writer.write(Buffer.from(chunk))
    await writer[Symbol.asyncDispose]()
    t.assert.deepStrictEqual([spool.used, spool.spilled], [0, 0])
  }
})
