import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Base64Image, encodeImage } from '../../../services/bytes/base64-image.ts'
import { unwritableHint } from '../../../services/config/permission-flags.ts'
import { ServiceError } from '../../../services/errors/errors.ts'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import * as images from '../../support/images/images.ts'
import { checkProperty } from '../../support/property.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const bytes = images.pngOf({ width: 3, height: 2 })
const image = encodeImage(bytes, { mimeType: 'image/png', width: 3, height: 2 })
const jpegImage: Base64Image = encodeImage(Buffer.from('jpeg'), { mimeType: 'image/jpeg', width: 3, height: 2 })

const textOf = (image: Base64Image) => text(Readable.from(image.chunks()))

/** A store in a folder that has neighbours, none of which may ever change. */
async function build(t: TestContext) {
  const outside = await temporaryFolder(t)
  const root = path.join(outside, 'images')
  await mkdir(path.join(outside, 'neighbour'))
  await writeFile(path.join(outside, 'neighbour', 'secret.png'), 'secret')
  const store = createLocalImageStore({ folder: root })
  const save = async (outputPath: string, what = image) => store.save(await store.resolve(outputPath), what)
  const assertNeighboursUntouched = async () => {
    t.assert.deepStrictEqual((await readdir(outside)).sort(), ['images', 'neighbour'])
    t.assert.deepStrictEqual(await readdir(path.join(outside, 'neighbour')), ['secret.png'])
    t.assert.strictEqual(await readFile(path.join(outside, 'neighbour', 'secret.png'), 'utf8'), 'secret')
  }
  return { outside, root, store, save, assertNeighboursUntouched }
}

async function assertNoTemporaryFiles(t: TestContext, root: string) {
  const names = await readdir(root, { recursive: true })
  t.assert.deepStrictEqual(
    names.filter((name) => name.includes('.tmp')),
    [],
  )
}

test('saves the bytes under the name and returns the location', async (t: TestContext) => {
  const { root, save } = await build(t)
  t.assert.deepStrictEqual(await save('sunset.png'), {
    location: path.join(root, 'sunset.png'),
    name: 'sunset.png',
    bytes: bytes.length,
    changes: [],
  })
  t.assert.deepStrictEqual(await readFile(path.join(root, 'sunset.png')), bytes)
  await assertNoTemporaryFiles(t, root)
})

test('saves in a folder of any name', async (t: TestContext) => {
  const root = path.join(await temporaryFolder(t), 'odd:name\\here', '.hidden')
  const store = createLocalImageStore({ folder: root })
  const { location: saved } = await store.save(await store.resolve('trips/sunset.png'), image)
  t.assert.strictEqual(saved, path.join(root, 'trips', 'sunset.png'))
})

test('saves images of any size, however their text is chunked', async (t: TestContext) => {
  const { root, save } = await build(t)
  for (const size of [1, 2, 3, 49_151, 49_152, 1_572_864, 1_572_865, 4_000_000]) {
    const content = Buffer.alloc(size, 'content')
    const text = Buffer.from(content.toString('base64'))
    const odd = new Base64Image({ mimeType: 'image/png', width: 1, height: 1 }, size, {
      *chunks() {
        for (let at = 0; at < text.length; at += 99_999) yield text.subarray(at, at + 99_999)
      },
      async [Symbol.asyncDispose]() {},
    })
    const { location: file } = await save(`${size}.png`, odd)
    t.assert.ok((await readFile(file)).equals(content))
  }
  await assertNoTemporaryFiles(t, root)
})

test('creates missing folders, accepts absolute paths', async (t: TestContext) => {
  const { root, save } = await build(t)
  t.assert.strictEqual((await save('a/b/x.png')).location, path.join(root, 'a/b/x.png'))
  t.assert.strictEqual((await save(path.join(root, 'c/x.png'))).name, 'c/x.png')
})

test('creates no folder before the image is saved', async (t: TestContext) => {
  const { root, store } = await build(t)
  await store.resolve('a/b/x.png')
  t.assert.deepStrictEqual(await readdir(root), [])
})

test('never replaces a file: the name gets a counter', async (t: TestContext) => {
  const { root, save } = await build(t)
  await mkdir(root)
  await writeFile(path.join(root, 'x.png'), 'mine')
  const saved = await save('x.png')
  t.assert.deepStrictEqual([saved.name, saved.changes], ['x-2.png', ['taken']])
  t.assert.strictEqual((await save('x.png')).name, 'x-3.png')
  t.assert.strictEqual(await readFile(path.join(root, 'x.png'), 'utf8'), 'mine')
})

test('corrects an extension that does not match the bytes', async (t: TestContext) => {
  const { save } = await build(t)
  const cases: [asked: string, what: Base64Image, got: string][] = [
    ['a.jpg', image, 'a.png'],
    ['b', image, 'b.png'],
    ['c.v1.2', image, 'c.v1.2.png'],
    ['d.PNG', image, 'd.PNG'],
    ['e.jpeg', jpegImage, 'e.jpeg'],
    ['f.png', jpegImage, 'f.jpg'],
    ['g.tiff', jpegImage, 'g.jpg'],
  ]
  for (const [asked, what, got] of cases) {
    const saved = await save(asked, what)
    t.assert.deepStrictEqual([saved.name, saved.changes], [got, asked === got ? [] : ['extension']])
  }
  t.assert.deepStrictEqual((await save('a.jpg')).changes, ['extension', 'taken'])
})

test('keeps a name within the limits of the file system when it grows', async (t: TestContext) => {
  const { save } = await build(t)
  const long = `${'日'.repeat(83)}.png`
  await save(long)
  t.assert.strictEqual((await save(long)).name, `${'日'.repeat(83)}-2.png`)
  t.assert.strictEqual((await save('x'.repeat(255))).name, `${'x'.repeat(251)}.png`)
})

test('a hundred images saved at once under one name become a hundred files', async (t: TestContext) => {
  const { root, store, save } = await build(t)
  const contents = Array.from({ length: 100 }, (_, index) => Buffer.concat([bytes, Buffer.from(String(index))]))
  const second = createLocalImageStore({ folder: root })
  const saved = await Promise.all(
    contents.map(async (content, index) => {
      const replica = index % 2 === 0 ? store : second
      const image = encodeImage(content, { mimeType: 'image/png', width: 3, height: 2 })
      return replica.save(await replica.resolve('deep/er/same.png'), image)
    }),
  )
  t.assert.strictEqual(new Set(saved.map((one) => one.location)).size, 100)
  for (const [index, { location: file }] of saved.entries()) {
    t.assert.ok((await readFile(file)).equals(contents[index] ?? Buffer.alloc(0)))
  }
  t.assert.strictEqual((await readdir(path.join(root, 'deep/er'))).length, 100)
  await save('deep/er/other.png')
})

test('follows links that stay inside, rejects those that lead outside or nowhere', async (t: TestContext) => {
  const { outside, root, store, save, assertNeighboursUntouched } = await build(t)
  await mkdir(path.join(root, 'real/.hidden'), { recursive: true })
  await symlink('real', path.join(root, 'inner'))
  await symlink('../neighbour', path.join(root, 'out'))
  await symlink(path.join(outside, 'neighbour'), path.join(root, 'real/out'))
  await symlink('nowhere', path.join(root, 'dangling'))
  await symlink('real/.hidden', path.join(root, 'plain'))
  await symlink('loop', path.join(root, 'loop'))
  t.assert.strictEqual((await save('inner/x.png')).location, path.join(root, 'real/x.png'))
  for (const place of [
    'out/x.png',
    'out/new/x.png',
    'real/out/x.png',
    'inner/out/x.png',
    'dangling/x.png',
    'loop/x.png',
  ]) {
    await t.assert.rejects(store.resolve(place), { code: 'IMG_ERR_PATH_OUTSIDE' }, place)
  }
  await t.assert.rejects(store.resolve('plain/x.png'), /begin with a dot/)
  await assertNeighboursUntouched()
})

test('a link in the place of the file itself is not followed', async (t: TestContext) => {
  const { root, save, assertNeighboursUntouched } = await build(t)
  await mkdir(root)
  await symlink('../neighbour/secret.png', path.join(root, 'x.png'))
  await symlink('../neighbour/new.png', path.join(root, 'y.png'))
  t.assert.strictEqual((await save('x.png')).name, 'x-2.png')
  t.assert.strictEqual((await save('y.png')).name, 'y-2.png')
  await assertNeighboursUntouched()
})

test('rejects a folder as a file and a file as a folder', async (t: TestContext) => {
  const { root, store } = await build(t)
  await mkdir(path.join(root, 'album.png'), { recursive: true })
  await writeFile(path.join(root, 'file'), '')
  await t.assert.rejects(store.resolve('album.png'), /it names a folder; add a file name/)
  await t.assert.rejects(store.resolve('file/x.png'), /one of its folders is a file/)
})

test('works when the images folder is itself reached through a link', async (t: TestContext) => {
  const { outside, root } = await build(t)
  await mkdir(path.join(root, 'volume'), { recursive: true })
  const linked = path.join(root, 'linked')
  await symlink(path.join(outside, 'images/volume'), linked)
  const store = createLocalImageStore({ folder: linked })
  for (const place of ['x.png', path.join(linked, 'y.png'), path.join(root, 'volume/z.png')]) {
    const saved = await store.save(await store.resolve(place), image)
    t.assert.strictEqual(path.dirname(saved.location), path.join(root, 'volume'))
  }
})

test('a folder swapped for a link after the check receives nothing', async (t: TestContext) => {
  const { root, store, assertNeighboursUntouched } = await build(t)
  await mkdir(path.join(root, 'album'), { recursive: true })
  const target = await store.resolve('album/x.png')
  const newTarget = await store.resolve('later/x.png')
  await rm(path.join(root, 'album'), { recursive: true })
  await symlink('../neighbour', path.join(root, 'album'))
  await symlink('../neighbour', path.join(root, 'later'))
  await t.assert.rejects(store.save(target, image), { code: 'IMG_ERR_STORE_MOVED' })
  await t.assert.rejects(store.save(newTarget, image), { code: 'IMG_ERR_STORE_MOVED' })
  await assertNeighboursUntouched()
})

test('a folder swapped for a link while the image is written receives nothing', async (t: TestContext) => {
  const { root, store, assertNeighboursUntouched } = await build(t)
  await mkdir(path.join(root, 'album'), { recursive: true })
  const target = await store.resolve('album/x.png')
  const swapping = new Base64Image({ mimeType: 'image/png', width: 3, height: 2 }, bytes.length, {
    async *chunks() {
      await rename(path.join(root, 'album'), path.join(root, 'moved'))
      await symlink('../neighbour', path.join(root, 'album'))
      yield Buffer.from(bytes.toString('base64'))
    },
    async [Symbol.asyncDispose]() {},
  })
  await t.assert.rejects(store.save(target, swapping), { code: 'IMG_ERR_STORE_MOVED' })
  t.assert.deepStrictEqual(await readdir(path.join(root, 'moved')), [])
  await assertNeighboursUntouched()
})

test('a race that swaps a folder and a link all the time never writes outside', async (t: TestContext) => {
  const { root, store, assertNeighboursUntouched } = await build(t)
  const album = path.join(root, 'album')
  await mkdir(album, { recursive: true })
  let isOver = false
  const swapper = (async () => {
    while (!isOver) {
      await rename(album, path.join(root, 'aside'))
      await symlink('../neighbour', album)
      await rm(album)
      await rename(path.join(root, 'aside'), album)
    }
  })()
  const outcomes = await Promise.allSettled(
    Array.from({ length: 150 }, async () => store.save(await store.resolve('album/x.png'), image)),
  )
  isOver = true
  await swapper
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') t.assert.ok(outcome.reason instanceof ServiceError, String(outcome.reason))
  }
  await assertNeighboursUntouched()
})

test('saves again after its folder was removed', async (t: TestContext) => {
  const { root, save } = await build(t)
  await save('x.png')
  await rm(root, { recursive: true })
  t.assert.strictEqual((await save('a/x.png')).location, path.join(root, 'a/x.png'))
})

test('an unwritable images folder rejects no path, fails the save, and returns the reason', async (t: TestContext) => {
  const { outside } = await build(t)
  const store = createLocalImageStore({ folder: path.join(outside, 'neighbour/secret.png/images') })
  const target = await store.resolve('x.png')
  await t.assert.rejects(store.save(target, image), {
    code: 'IMG_ERR_STORE_UNWRITABLE',
    message: "The image was not saved: the server's images folder is not writable.",
  })
  await t.assert.rejects(store.resolve('../x.png'), { code: 'IMG_ERR_PATH_OUTSIDE' })
  t.assert.deepStrictEqual((await store.health()).isWritable, false)
})

test('what helps an unwritable images folder depends on what stands in the way', async (t: TestContext) => {
  const { root } = await build(t)
  await mkdir(root, { recursive: true })
  const [file, link] = [path.join(root, 'file'), path.join(root, 'link')]
  await writeFile(file, '')
  await symlink(path.join(root, 'nowhere'), link)
  for (const folder of [file, path.join(file, 'images'), link]) {
    const { isWritable, hint } = await createLocalImageStore({ folder }).health()
    t.assert.deepStrictEqual([isWritable, /a file, or a link .* remove it/.test(hint ?? '')], [false, true], folder)
  }
  const hintOf = (code: string) => unwritableHint(Object.assign(new Error(code), { code }))
  t.assert.match(hintOf('EACCES'), /sudo chown 1000:1000 images logs/)
  t.assert.match(hintOf('EROFS'), /read-only/)
  t.assert.match(hintOf('ENOSPC'), /make room/)
})

test('an image that fails to arrive leaves no file', async (t: TestContext) => {
  const { root, store } = await build(t)
  const target = await store.resolve('a/x.png')
  const failing = new Base64Image({ mimeType: 'image/png', width: 3, height: 2 }, 30, {
    async *chunks() {
      yield Buffer.from('AAAA')
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    },
    async [Symbol.asyncDispose]() {},
  })
  await t.assert.rejects(store.save(target, failing), { code: 'IMG_ERR_STORE_FULL' })
  t.assert.deepStrictEqual(await readdir(path.join(root, 'a')), [])
})

test('reports whether it is writable, without leaving files behind', async (t: TestContext) => {
  const { root, store } = await build(t)
  t.assert.deepStrictEqual(await store.health(), { isWritable: true })
  t.assert.deepStrictEqual(await readdir(root), [])
})

test('lists images newest first, page by page, and nothing else', async (t: TestContext) => {
  const { root, store, save } = await build(t)
  t.assert.deepStrictEqual(await store.list(), { images: [] })
  for (const [index, name] of ['a.png', 'b/c.png', 'd.png', 'e.png'].entries()) {
    const { location: file } = await save(name)
    await utimes(file, 1000 + (index === 3 ? 2 : index), 1000 + (index === 3 ? 2 : index))
  }
  await writeFile(path.join(root, 'notes.txt'), 'no')
  await writeFile(path.join(root, '.hidden.png'), 'no')
  await writeFile(path.join(root, 'empty.png'), '')
  await mkdir(path.join(root, '.abandoned'))
  await writeFile(path.join(root, '.abandoned/x.png'), 'no')
  await symlink('../neighbour/secret.png', path.join(root, 'link.png'))
  await symlink('../neighbour', path.join(root, 'linked'))
  const first = await store.list({ limit: 3 })
  t.assert.deepStrictEqual(
    first.images.map(({ name }) => name),
    ['d.png', 'e.png', 'b/c.png'],
  )
  t.assert.deepStrictEqual(first.images[2], {
    name: 'b/c.png',
    bytes: bytes.length,
    mimeType: 'image/png',
    modifiedAt: 1_001_000,
  })
  await save('newer.png')
  await rm(path.join(root, 'b/c.png'))
  const second = await store.list({ limit: 3, cursor: first.nextCursor ?? '' })
  t.assert.deepStrictEqual(
    second.images.map(({ name }) => name),
    ['a.png'],
  )
  t.assert.strictEqual(second.nextCursor, undefined)
  await t.assert.rejects(store.list({ cursor: 'nonsense' }), { code: 'IMG_ERR_STORE_CURSOR' })
})

test('reads back what was saved, and nothing that is no image of the store', async (t: TestContext) => {
  const { root, store, save } = await build(t)
  await save('a/x.png')
  const read = await store.read('a/x.png')
  t.assert.deepStrictEqual([read.mimeType, read.width, read.height, read.bytes], ['image/png', 3, 2, bytes.length])
  for (let time = 0; time < 2; time++) {
    t.assert.strictEqual(await textOf(read), bytes.toString('base64'))
  }
  await read[Symbol.asyncDispose]()
  await writeFile(path.join(root, 'text.png'), 'text')
  await writeFile(path.join(root, '.hidden.png'), bytes)
  await symlink('../neighbour/secret.png', path.join(root, 'link.png'))
  await symlink('../neighbour', path.join(root, 'linked'))
  for (const name of [
    'missing.png',
    'text.png',
    '.hidden.png',
    'link.png',
    'linked/secret.png',
    '../neighbour/secret.png',
    'a',
    'no/folder.png',
    '\0',
  ]) {
    await t.assert.rejects(store.read(name), { code: 'IMG_ERR_STORE_MISSING' }, name)
  }
  t.assert.deepStrictEqual((await readdir(root)).sort(), ['.hidden.png', 'a', 'link.png', 'linked', 'text.png'])
})

test('removes only its own temporary files, and only old ones', async (t: TestContext) => {
  const { root } = await build(t)
  const hour = 3_600_000
  const later = createLocalImageStore({ folder: root, now: () => Date.now() + 2 * hour })
  t.assert.strictEqual(await later.removeStaleFiles(hour), 0)
  const own = `.${'0a'.repeat(16)}.tmp`
  const others = ['x.png', '.tmp', 'a.tmp', `.${'0a'.repeat(15)}.tmp`, `${'0a'.repeat(16)}.tmp`]
  await mkdir(path.join(root, 'a'), { recursive: true })
  for (const name of [own, path.join('a', own), ...others]) await writeFile(path.join(root, name), 'x')
  const now = createLocalImageStore({ folder: root })
  t.assert.strictEqual(await now.removeStaleFiles(hour), 0)
  t.assert.strictEqual(await later.removeStaleFiles(hour), 2)
  t.assert.deepStrictEqual((await readdir(root)).sort(), [...others, 'a'].sort())
})

test('any text as a path never writes outside the folder, and fails with a service error only', async (t: TestContext) => {
  const { outside, root, store, assertNeighboursUntouched } = await build(t)
  await mkdir(path.join(root, 'a'), { recursive: true })
  await symlink('../neighbour', path.join(root, 'out'))
  const part = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        '..',
        '.',
        '',
        'a',
        'out',
        'x.png',
        '...',
        '..\\',
        '%2e%2e',
        '\0',
        'C:',
        '~',
        'con',
        ' ',
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  )
  const start = fc.constantFrom('', '/', `${root}/`, `${outside}/`, `${root}/../`, '//', './')
  const places = fc.oneof(
    fc.tuple(start, fc.array(part, { maxLength: 6 })).map(([head, parts]) => head + parts.join('/')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
  await checkProperty(
    t,
    fc.asyncProperty(places, async (place) => {
      try {
        const saved = await store.save(await store.resolve(place), image)
        t.assert.ok(saved.location.startsWith(root + path.sep))
        t.assert.ok((await lstat(saved.location)).isFile())
        await rm(saved.location)
      } catch (error) {
        t.assert.ok(error instanceof ServiceError, String(error))
        t.assert.match(error.code, /^IMG_ERR_PATH_/)
      }
    }),
    { numRuns: 1000 },
  )
  await assertNeighboursUntouched()
})

test('reads a large image while it is sent, and fails if its file was truncated', async (t: TestContext) => {
  const { root, store } = await build(t)
  const large = Buffer.concat([bytes, randomBytes(1_000_000)])
  await mkdir(root, { recursive: true })
  await writeFile(path.join(root, 'large.png'), large)
  const read = await store.read('large.png')
  t.assert.strictEqual(read.encodedBytes, large.toString('base64').length)
  t.assert.ok((await textOf(read)) === large.toString('base64'))
  await writeFile(path.join(root, 'large.png'), large.subarray(0, 500_000))
  await t.assert.rejects(textOf(read), /was truncated/)
  await read[Symbol.asyncDispose]()
})
