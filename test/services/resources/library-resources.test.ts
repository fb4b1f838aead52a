import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import type { ResourceContents } from '../../../services/calls/types.ts'
import { createPixelWork } from '../../../services/imaging/pixel-work.ts'
import type { LibraryAccess } from '../../../services/library/access.ts'
import { newImageId } from '../../../services/library/image-id.ts'
import { createSavedImages } from '../../../services/resources/saved-images.ts'
import type { Resource } from '../../../services/resources/types.ts'
import { contextOf } from '../../support/calls.ts'
import { noisePng, png } from '../../support/images/images.ts'
import { addImage, openTestLibrary, ownerAccess, recordOf, strangerAccess } from '../../support/library.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const pixels = createPixelWork({ maxDecodedBytes: 100_000_000 })
const imageLimits = { maxEdge: 16_384, maxPixels: 50_000_000 }

const ann = ownerAccess('ann')
const bob = ownerAccess('bob')
const everything: LibraryAccess = { owner: 'stdio', uses: 'all', canList: true, changes: 'all' }

async function build(t: TestContext, maxEncodedBytes = 0, completeUntil?: number) {
  const folder = await temporaryFolder(t)
  const parts = openTestLibrary(t, folder, completeUntil)
  let walks = 0
  const store: typeof parts.store = {
    ...parts.store,
    list(page) {
      walks++
      return parts.store.list(page)
    },
  }
  const images = createSavedImages({
    store,
    library: parts.library,
    contents: { maxEncodedBytes, pixels, imageLimits },
  })
  async function read(uri: string, access: LibraryAccess): Promise<string | undefined> {
    await using scope = new AsyncDisposableStack()
    const contents = await images.read(uri, contextOf({ access, scope }))
    const [content] = contents ?? []
    return content && (await base64Of(content))
  }
  async function pages(access: LibraryAccess) {
    const found: { resources: readonly Resource[]; cursor: string | undefined }[] = []
    let cursor: string | undefined
    do {
      const page = await images.list(cursor, contextOf({ access }))
      cursor = page.nextCursor
      found.push({ resources: page.resources, cursor })
    } while (cursor !== undefined)
    return found
  }
  const list = async (access: LibraryAccess) => (await pages(access)).flatMap(({ resources }) => resources)
  return { ...parts, folder, images, read, pages, list, walks: () => walks }
}

async function base64Of(content: ResourceContents): Promise<string> {
  if (!('blob' in content)) return content.text
  return typeof content.blob === 'string' ? content.blob : await text(Readable.from(content.blob.chunks()))
}

test('images of the library are listed newest first, each once, then the files without a record', async (t: TestContext) => {
  const { index, folder, list, images, walks } = await build(t)
  const records = Array.from({ length: 120 }, (_, second) => recordOf({ createdAt: 1_700_000_000_000 + second * 1000 }))
  await index.put(records)
  await writeFile(join(folder, 'old.png'), await png())
  const first = await images.list(undefined, contextOf({ access: ann }))
  t.assert.equal(first.resources.length, 50)
  const newest = records.at(-1)
  t.assert.deepEqual(first.resources[0], {
    uri: `image://${newest?.id}`,
    name: newest?.id,
    mimeType: 'image/png',
    size: 1000,
    annotations: { lastModified: '2023-11-14T22:15:19.000Z' },
  })
  t.assert.equal(walks(), 0, 'no page of images walks the folder')
  const uris = (await list(ann)).map(({ uri }) => uri)
  t.assert.deepEqual(uris, [...records.map(({ id }) => `image://${id}`).toReversed(), 'image:///old.png'])
})

test('a caller without images gets the files at once', async (t: TestContext) => {
  const { folder, images } = await build(t)
  await writeFile(join(folder, 'old.png'), await png())
  const page = await images.list(undefined, contextOf({ access: ann }))
  t.assert.deepEqual([page.resources.map(({ name }) => name), page.nextCursor], [['old.png'], undefined])
})

test('a named image is listed once, under its file name, and read by id and by name', async (t: TestContext) => {
  const built = await build(t)
  const { id } = await addImage(built, 'ann', { name: 'folder/fox.png', prompt: 'a red\n\u202efox' })
  const listed = await built.list(ann)
  t.assert.partialDeepStrictEqual(listed, [{ uri: `image://${id}`, name: 'folder/fox.png', title: 'a red fox' }])
  t.assert.equal(listed.length, 1)
  const bytes = (await png()).toString('base64')
  for (const uri of [`image://${id}`, `image://${id}/`, `IMAGE://${id.toUpperCase()}`, 'image:///folder/fox.png']) {
    t.assert.equal(await built.read(uri, ann), bytes, uri)
  }
})

test('a prompt stands for its image as one short line', async (t: TestContext) => {
  const { index, list } = await build(t)
  await index.put([recordOf({ prompt: `${'\u0000\n'.repeat(50)}${'🦊'.repeat(500)}` })])
  const [{ title = '' } = {}] = await list(ann)
  t.assert.match(title, /^🦊{79}…$/u)
})

test('an image whose bytes are gone is no error of the list, and does not exist when it is read', async (t: TestContext) => {
  const built = await build(t)
  const gone = await addImage(built, 'ann')
  const there = await addImage(built, 'ann')
  await rm(join(built.folder, gone.location))
  t.assert.equal((await built.list(ann)).length, 2)
  t.assert.equal(await built.read(`image://${gone.id}`, ann), undefined)
  t.assert.notEqual(await built.read(`image://${there.id}`, ann), undefined)
})

test("another caller's image is unknown by its id, its preview and every spelling of its name", async (t: TestContext) => {
  const built = await build(t)
  const { id } = await addImage(built, 'ann', { name: 'real/Fox.png' })
  await symlink('real', join(built.folder, 'link'))
  const uris = [
    `image://${id}`,
    `image://${id}/preview`,
    ...['real/Fox.png', 'link/Fox.png', 'real/fox.PNG', 'real/%46ox.png', 'REAL/Fox.png'].map(
      (name) => `image:///${name}`,
    ),
  ]
  for (const uri of uris) t.assert.equal(await built.read(uri, bob), undefined, uri)
  t.assert.notEqual(await built.read('image:///link/Fox.png', ann), undefined)
  for (const access of [everything, strangerAccess]) {
    t.assert.notEqual(await built.read('image:///real/Fox.png', access), undefined)
    t.assert.notEqual(await built.read(`image://${id}`, access), undefined)
  }
})

test("neither the list, its cursors nor completion show another caller's images", async (t: TestContext) => {
  const built = await build(t)
  const bytes = await png()
  for (let at = 0; at < 60; at++) {
    const owner = at % 2 === 0 ? 'ann' : 'bob'
    const record = recordOf({ owner, isNamed: true, location: `${owner}-${at}.png`, prompt: `fox of ${owner}` })
    await built.index.put([record])
    await writeFile(join(built.folder, record.location), bytes)
    await utimes(join(built.folder, record.location), 1_700_000_000, 1_700_000_000)
  }
  await writeFile(join(built.folder, 'shared.png'), bytes)
  const pages = await built.pages(bob)
  const names = pages.flatMap(({ resources }) => resources.map(({ name }) => name))
  t.assert.equal(names.length, 31)
  t.assert.deepEqual(
    names.filter((name) => name.startsWith('ann')),
    [],
  )
  for (const { cursor = '' } of pages) {
    t.assert.doesNotMatch(Buffer.from(cursor, 'base64url').toString('latin1') + cursor, /ann/)
  }
  const { names: byName, ids } = built.images.completion
  t.assert.deepEqual(
    (await byName.values(contextOf({ access: bob }))).filter((name) => name.startsWith('ann')),
    [],
  )
  t.assert.deepEqual(await ids?.values('ann', contextOf({ access: bob })), [])
  t.assert.equal((await ids?.values('fox', contextOf({ access: bob })))?.length, 30)
})

test('a caller that may not list gets named files only, with and without a record', async (t: TestContext) => {
  const built = await build(t)
  const { id } = await addImage(built, 'ann')
  await addImage(built, 'ann', { name: 'named.png' })
  await writeFile(join(built.folder, 'file.png'), await png())
  const uris = (await built.list(strangerAccess)).map(({ uri }) => uri)
  t.assert.deepEqual(uris.toSorted(), ['image:///file.png', 'image:///named.png'])
  t.assert.notEqual(await built.read(`image://${id}`, strangerAccess), undefined)
  t.assert.deepEqual(await built.images.completion.ids?.values('', contextOf({ access: strangerAccess })), [])
})

test('a cursor of another list is rejected', async (t: TestContext) => {
  const { images, index, folder } = await build(t)
  await index.put(Array.from({ length: 60 }, () => recordOf()))
  await mkdir(join(folder, 'files'))
  for (let at = 0; at < 60; at++) await writeFile(join(folder, 'files', `${at}.png`), await png())
  const ofImages = (await images.list(undefined, contextOf({ access: ann }))).nextCursor
  const ofFiles = (await images.list(undefined, contextOf({ access: strangerAccess }))).nextCursor
  for (const [cursor, access] of [
    [ofImages, strangerAccess],
    [ofFiles, ann],
    ['i-', ann],
    ['i-../', ann],
    [`i-${'z'.repeat(5000)}`, ann],
    ['f-x', ann],
    ['', ann],
  ] as const) {
    await t.assert.rejects(images.list(cursor, contextOf({ access })), { code: 'IMG_ERR_STORE_CURSOR' }, cursor)
  }
})

test('ids are completed by their beginning and by words of the prompt, newest first, at most 100 and a sign of more', async (t: TestContext) => {
  const { images, index } = await build(t)
  const complete = (typed: string) => images.completion.ids?.values(typed, contextOf({ access: ann }))
  const old = recordOf({ createdAt: 1_500_000_000_000, prompt: 'a blue whale' })
  const records = Array.from({ length: 150 }, (_, at) =>
    recordOf({ createdAt: 1_700_000_000_000 + at, prompt: 'a fox' }),
  )
  await index.put([old, ...records])
  const newest = records.toReversed().map(({ id }) => id)
  for (const typed of ['', ' ', 'i', 'IMG', 'img_'])
    t.assert.deepEqual(await complete(typed), newest.slice(0, 101), typed)
  for (let length = 5; length <= old.id.length; length++) {
    const found = (await complete(old.id.slice(0, length))) ?? []
    t.assert.ok(found.every((id) => id.startsWith(old.id.slice(0, length))))
    if (length > 9) t.assert.deepEqual(found, [old.id])
  }
  t.assert.deepEqual(await complete(newImageId(1)), [])
  t.assert.deepEqual(await complete('BLUE wha'), [old.id])
  t.assert.deepEqual(await complete('no such words'), [])
  for (const typed of ['img_u', '"', 'a OR b', '*', '\u0000', 'x'.repeat(10_000)]) await complete(typed)
})

test('the preview of an image has at most 1,024 pixels an edge and 100 KiB of base64, and can be read with any limit', async (t: TestContext) => {
  for (const limit of [0, 50_000, 10_000_000]) {
    const built = await build(t, limit)
    const { id } = await addImage(built, 'ann', { bytes: await noisePng(2000) })
    const preview = (await built.read(`image://${id}/preview`, ann)) ?? ''
    t.assert.ok(preview.length <= (limit === 50_000 ? 50_000 : 102_400), String(preview.length))
    const { width, height, format } = await sharp(Buffer.from(preview, 'base64')).metadata()
    t.assert.ok(Math.max(width, height) <= 1024 && format === 'jpeg')
    t.assert.equal(await built.read(`image://${newImageId()}/preview`, ann), undefined)
  }
})

test('an image that is too large for the connection is a preview, and the text says where it is', async (t: TestContext) => {
  const built = await build(t, 50_000)
  const { id } = await addImage(built, 'ann', { name: 'large.png', bytes: await noisePng(400) })
  for (const [uri, where] of [
    [`image://${id}`, /under the id in the URI/],
    ['image:///large.png', /images folder, under the name in the URI/],
  ] as const) {
    await using scope = new AsyncDisposableStack()
    const contents = (await built.images.read(uri, contextOf({ access: ann, scope }))) ?? []
    t.assert.deepEqual(
      contents.map((content) => 'blob' in content),
      [true, false],
    )
    t.assert.match(JSON.stringify(contents[1]), where)
  }
})

test('a file that another replica may just have made is hidden from others until its records are imported', async (t: TestContext) => {
  const now = Date.now()
  for (const [importedAt, isSeen] of [
    [now - 600_000, false],
    [now + 600_000, true],
  ] as const) {
    const built = await build(t, 0, importedAt)
    await writeFile(join(built.folder, 'fox.png'), await png())
    const { id } = await addImage(built, 'bob', { name: 'sky.png' })
    t.assert.equal((await built.read('image:///fox.png', bob)) !== undefined, isSeen)
    t.assert.equal(
      (await built.list(bob)).some(({ name }) => name === 'fox.png'),
      isSeen,
    )
    t.assert.notEqual(await built.read('image:///sky.png', bob), undefined, 'what this process made is known')
    t.assert.notEqual(await built.read(`image://${id}`, bob), undefined)
    t.assert.notEqual(await built.read('image:///fox.png', everything), undefined)
  }
})
