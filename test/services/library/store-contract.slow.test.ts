import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import type { ImageSource, StoredEntry } from '../../../services/library/image-store.ts'
import * as images from '../../support/images/images.ts'
import { type StoreKind, type StorePlace, storeKinds } from '../../support/stores.ts'

/** One contract test for every `ImageStore`. */

const png = images.pngOf({ width: 3, height: 2 })
const imageOf = (bytes: Buffer) => encodeImage(bytes, { mimeType: 'image/png', width: 3, height: 2 })
const image = imageOf(png)
const jpeg = encodeImage(Buffer.from('jpeg'), { mimeType: 'image/jpeg', width: 3, height: 2 })
/** A readable PNG with a tail that tells it from others. */
const variant = (tail: string) => Buffer.concat([png, Buffer.from(tail)])

const never = new AbortController().signal

async function save({ store }: Pick<StorePlace, 'store'>, outputPath: string, what: ImageSource = image) {
  return await store.save(await store.resolve(outputPath), what)
}

async function bytesOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(Buffer.from(chunk))
  return Buffer.concat(all)
}

async function entriesOf({ store }: Pick<StorePlace, 'store'>): Promise<StoredEntry[]> {
  const all: StoredEntry[] = []
  for await (const entry of store.files.entries()) all.push(entry)
  return all
}

/** Calls `during` after the first chunk. */
function interrupted(bytes: number, during: () => void): ImageSource {
  return {
    mimeType: 'image/png',
    bytes,
    async *decoded() {
      yield Buffer.alloc(Math.min(bytes, 100_000))
      during()
      await pause(5)
      yield Buffer.alloc(bytes - Math.min(bytes, 100_000))
    },
  }
}

for (const [kindName, start] of Object.entries(storeKinds)) {
  describe(kindName, () => {
    let kind: StoreKind
    before(async () => {
      kind = await start()
    })
    after(() => kind[Symbol.asyncDispose]())

    test('an image is saved under its name, and read back byte for byte', async (t: TestContext) => {
      const place = await kind.open()
      const saved = await save(place, 'trips/sunset.png')
      t.assert.deepStrictEqual([saved.name, saved.bytes, saved.changes], ['trips/sunset.png', png.length, []])
      t.assert.match(saved.location, /^(\/|http:).*\/trips\/sunset\.png$/)
      t.assert.deepStrictEqual(await place.get('trips/sunset.png'), png)
      await using read = await place.second.read('trips/sunset.png')
      t.assert.deepStrictEqual([read.mimeType, read.width, read.height, read.bytes], ['image/png', 3, 2, png.length])
      for (let time = 0; time < 2; time++) {
        t.assert.strictEqual((await bytesOf(read.chunks())).toString(), png.toString('base64'))
      }
    })

    test('an image of any size is saved and read whole', async (t: TestContext) => {
      const place = await kind.open()
      for (const size of [70, 65_535, 131_072, 131_073, 4_000_000, 6_291_457]) {
        const content = Buffer.concat([png, Buffer.alloc(size - png.length, 'content')])
        await save(place, `${size}.png`, imageOf(content))
        t.assert.ok((await place.get(`${size}.png`))?.equals(content), `${size}`)
        await using read = await place.store.read(`${size}.png`)
        t.assert.strictEqual((await bytesOf(read.chunks())).toString(), content.toString('base64'))
      }
    })

    test('a name of any script and with any character is kept', async (t: TestContext) => {
      const place = await kind.open()
      for (const name of [
        '红色 日落.png',
        'a b/50% #1?&+=@!.png',
        "it's (1) [2] {3}.png",
        '%41%2f.png',
        'e\u0301 é.png',
      ]) {
        const saved = await save(place, name)
        t.assert.strictEqual(saved.name, name)
        t.assert.deepStrictEqual(await place.get(name), png, name)
        await using read = await place.store.read(name)
        t.assert.strictEqual(read.bytes, png.length)
        t.assert.ok(
          (await place.store.list()).images.some((listed) => listed.name === name),
          name,
        )
      }
    })

    test('nothing is replaced: the name gets the next free number', async (t: TestContext) => {
      const place = await kind.open()
      await place.put('x.png', 'mine')
      await place.put('x-3.png', 'mine too')
      const saved = await save(place, 'x.png')
      t.assert.deepStrictEqual([saved.name, saved.changes], ['x-2.png', ['taken']])
      t.assert.strictEqual((await save(place, 'x.png')).name, 'x-4.png')
      t.assert.strictEqual((await place.get('x.png'))?.toString(), 'mine')
      t.assert.strictEqual((await place.get('x-3.png'))?.toString(), 'mine too')
    })

    test('the extension follows the content, and a long name grows within the limits', async (t: TestContext) => {
      const place = await kind.open()
      t.assert.deepStrictEqual((await save(place, 'a.jpg')).changes, ['extension'])
      t.assert.deepStrictEqual((await save(place, 'a.jpg')).name, 'a-2.png')
      t.assert.strictEqual((await save(place, 'b.png', jpeg)).name, 'b.jpg')
      const long = `${'日'.repeat(83)}.png`
      t.assert.deepStrictEqual(
        [(await save(place, long)).name, (await save(place, long)).name],
        [long, `${'日'.repeat(83)}-2.png`],
      )
    })

    test('a set is numbered without gaps, also while another set gets the same name', async (t: TestContext) => {
      const place = await kind.open()
      await place.put('set-2.png', 'mine')
      const target = await place.store.resolve('set.png')
      const sets = await Promise.all([1, 2, 3].map(() => place.store.saveSet(target, [image, image, image])))
      const numbers = sets.map((set) =>
        set.map((each) => (each.status === 'fulfilled' ? /-(\d+)\.png$/.exec(each.value.name)?.[1] : each.reason)),
      )
      t.assert.deepStrictEqual(
        numbers.map((set) => set.map(Number)).sort((one, other) => (one[0] ?? 0) - (other[0] ?? 0)),
        [
          [3, 4, 5],
          [6, 7, 8],
          [9, 10, 11],
        ],
      )
    })

    test('two processes that save under one name at once lose nothing', async (t: TestContext) => {
      const place = await kind.open()
      const saved = await Promise.all(
        Array.from({ length: 16 }, async (_, index) => {
          const store = index % 2 === 0 ? place.store : place.second
          return await save({ store }, 'deep/same.png', imageOf(variant(String(index))))
        }),
      )
      t.assert.strictEqual(new Set(saved.map(({ name }) => name)).size, 16)
      for (const [index, { name }] of saved.entries()) {
        t.assert.deepStrictEqual(await place.get(name), variant(String(index)))
      }
    })

    test('a path outside, of a hidden file or with odd characters is rejected before anything is saved', async (t: TestContext) => {
      const place = await kind.open()
      for (const outside of ['../x.png', '/etc/x.png', 'a/../../x.png']) {
        await t.assert.rejects(place.store.resolve(outside), { code: 'IMG_ERR_PATH_OUTSIDE' }, outside)
      }
      for (const name of ['', '.x.png', '.library/x.png', 'a/.b/x.png', 'c:/x.png', 'a\\x.png', 'a\0.png', 'x/']) {
        await t.assert.rejects(place.store.resolve(name), { code: 'IMG_ERR_PATH_NAME' }, name)
      }
      t.assert.strictEqual((await place.store.resolve(`${place.root}/b/x.png`)).name, 'b/x.png')
      t.assert.deepStrictEqual(await place.names(), [])
    })

    test('lists images newest first, page by page, and no hidden file', async (t: TestContext) => {
      const place = await kind.open()
      t.assert.deepStrictEqual(await place.store.list(), { images: [] })
      for (const name of ['a.png', 'b/c.png', 'b/deep/er/d.jpg']) await place.put(name, png)
      for (const name of ['notes.txt', '.hidden.png', '.library/x.png', 'b/.y.png', '.cache/z.png', 'b/.cache/z.png']) {
        await place.put(name, png)
      }
      await place.put('empty.png', '')
      // Some stores have times of a second.
      await pause(1_100)
      await save(place, 'newest.png')
      const first = await place.store.list({ limit: 2 })
      t.assert.strictEqual(first.images[0]?.name, 'newest.png')
      t.assert.deepStrictEqual([first.images[0]?.bytes, first.images[0]?.mimeType], [png.length, 'image/png'])
      const second = await place.store.list({ limit: 2, cursor: first.nextCursor ?? '' })
      t.assert.strictEqual(second.nextCursor, undefined)
      const names = [...first.images, ...second.images].map(({ name }) => name)
      t.assert.deepStrictEqual(names.sort(), ['a.png', 'b/c.png', 'b/deep/er/d.jpg', 'newest.png'])
      await t.assert.rejects(place.store.list({ cursor: 'nonsense' }), { code: 'IMG_ERR_STORE_CURSOR' })
    })

    test('a removed image is not listed', async (t: TestContext) => {
      const place = await kind.open()
      for (const name of ['a.png', 'b.png']) await save(place, name)
      t.assert.strictEqual((await place.store.list()).images.length, 2)
      await place.store.files.remove('a.png')
      t.assert.deepStrictEqual(
        (await place.store.list()).images.map(({ name }) => name),
        ['b.png'],
      )
    })

    test('reads no hidden file and nothing that is no image', async (t: TestContext) => {
      const place = await kind.open()
      for (const name of ['.hidden.png', '.library/x.png', 'a/.b.png']) await place.put(name, png)
      await place.put('text.png', 'text')
      await place.put('record.json', '{}')
      await place.put('a/x.png', png)
      for (const name of [
        ...['.hidden.png', '.library/x.png', 'a/.b.png', 'text.png', 'record.json', 'missing.png', 'no/folder.png'],
        ...['a', '', '../x.png', '\0', '~/x.png'],
      ]) {
        await t.assert.rejects(place.store.read(name), { code: 'IMG_ERR_STORE_MISSING' }, name)
      }
    })

    test('a file of the library is created once and read in any range', async (t: TestContext) => {
      const { store, second } = await kind.open()
      const name = '.library/2026/11/26/img_1.png'
      const content = Buffer.alloc(700_000, 'range')
      await store.files.create(name, imageOf(content), never)
      await t.assert.rejects(second.files.create(name, image, never), { family: 'service' })
      await using file = await second.files.open(name)
      t.assert.strictEqual(file?.bytes, content.length)
      t.assert.ok(Math.abs((file?.modifiedAt ?? 0) - Date.now()) < 60_000)
      for (const [from, to] of [
        [0, 1],
        [0, content.length],
        [699_999, 700_000],
        [123, 456_789],
        [5, 5],
      ] as const) {
        t.assert.ok((await bytesOf(file?.read(from, to) ?? [])).equals(content.subarray(from, to)), `${from}-${to}`)
      }
    })

    test('a text is replaced as a whole; what does not exist is undefined and can be removed', async (t: TestContext) => {
      const { store, names } = await kind.open()
      const name = '.library/2026/11/26/img_1.json'
      t.assert.strictEqual(await store.files.readText(name), undefined)
      t.assert.strictEqual(await store.files.open(name), undefined)
      await store.files.remove(name)
      await store.files.writeText(name, '{"prompt":"一只红色的狐狸, long"}')
      await store.files.writeText(name, '{"prompt":"红"}')
      t.assert.strictEqual(await store.files.readText(name), '{"prompt":"红"}')
      t.assert.deepStrictEqual(await names(), [name])
      await store.files.remove(name)
      t.assert.deepStrictEqual(await names(), [])
    })

    test('entries are all files, hidden records of named images included', async (t: TestContext) => {
      const place = await kind.open()
      await place.store.health()
      await save(place, 'a/x.png')
      await place.store.files.writeText('a/.img_1.json', '{}')
      await place.store.files.create('.library/2026/11/26/img_2.png', image, never)
      const entries = await entriesOf(place)
      t.assert.deepStrictEqual(entries.map(({ name, bytes }) => `${name} ${bytes}`).sort(), [
        `.library/2026/11/26/img_2.png ${png.length}`,
        'a/.img_1.json 2',
        `a/x.png ${png.length}`,
      ])
    })

    test('a write that is aborted fails with the reason of the signal and leaves no file', async (t: TestContext) => {
      const { store, names } = await kind.open()
      const given = new AbortController()
      const reason = new Error('the store is slow')
      const source = interrupted(3_000_000, () => given.abort(reason))
      await t.assert.rejects(store.files.create('.library/x.png', source, given.signal), reason)
      await t.assert.rejects(store.files.create('.library/y.png', image, given.signal), reason)
      await t.assert.rejects(store.files.writeText('.library/y.json', '{}', given.signal), reason)
      t.assert.deepStrictEqual(await names(), [])
    })

    test('a set that is given up is not saved, and a set that waits for it neither', async (t: TestContext) => {
      const { store, names } = await kind.open()
      const given = new AbortController()
      const source = interrupted(3_000_000, () => given.abort(new Error('the store is slow')))
      const target = await store.resolve('x.png')
      const [first, second] = await Promise.all([
        store.saveSet(target, [image, source, image], given.signal),
        store.saveSet(target, [image], given.signal),
      ])
      const states = [...first, ...second].map(({ status }) => status)
      t.assert.ok(states.includes('rejected'), states.join())
      const saved = [...first, ...second].flatMap((each) => (each.status === 'fulfilled' ? each.value.name : []))
      t.assert.deepStrictEqual(await names(), saved.sort())
    })

    test('an image that fails to arrive leaves no file', async (t: TestContext) => {
      const { store, names } = await kind.open()
      const source = interrupted(3_000_000, () => {
        throw new Error('the spooled file is gone')
      })
      await t.assert.rejects(store.save(await store.resolve('x.png'), source), { code: 'IMG_ERR_STORE_FAILED' })
      await t.assert.rejects(store.files.create('.library/x.png', source, never), { code: 'IMG_ERR_STORE_FAILED' })
      t.assert.deepStrictEqual(await names(), [])
    })

    test('a file that is closed while it is read ends the reading', async (t: TestContext) => {
      const { store } = await kind.open()
      const content = Buffer.alloc(6_000_000, 'content')
      await store.files.create('.library/x.png', imageOf(content), never)
      const file = await store.files.open('.library/x.png')
      const reading = async () => {
        let bytes = 0
        for await (const chunk of file?.read(0, content.length) ?? []) {
          bytes += chunk.length
          await file?.[Symbol.asyncDispose]()
          // More than a stream has buffered is not delivered.
          await pause(1)
        }
        return bytes
      }
      await t.assert.rejects(reading())
    })

    test('is writable, and its check leaves no image', async (t: TestContext) => {
      const { store } = await kind.open()
      t.assert.deepStrictEqual(await store.health(), { isWritable: true })
      t.assert.deepStrictEqual(await entriesOf({ store }), [])
      t.assert.deepStrictEqual(await store.list(), { images: [] })
    })
  })
}
