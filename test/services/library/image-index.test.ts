import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createImageIndex } from '../../../services/library/image-index.ts'
import { DirectoryHandle } from '../../../services/library/local/directory-handle.ts'
import { walkImages } from '../../../services/library/local/walk-files.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const indexOf = (openRoot: () => Promise<DirectoryHandle>) =>
  createImageIndex({ walk: () => walkImages(openRoot), maxBytes: 1000, filesWorthCaching: 1000, cacheMs: 5000 })

async function build(t: TestContext, count: number) {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'inner'))
  for (let at = 0; at < count; at++) await writeFile(join(folder, at % 2 === 0 ? '' : 'inner', `${at}.png`), 'x')
  let walks = 0
  const index = indexOf(() => {
    walks++
    return DirectoryHandle.open(folder)
  })
  return { folder, index, walks: () => walks }
}

test('requests at the same time share one walk of the folder', async (t: TestContext) => {
  const { index, walks } = await build(t, 30)
  const lists = await Promise.all(Array.from({ length: 40 }, () => index.files()))
  t.assert.strictEqual(walks(), 1)
  t.assert.ok(lists.every((files) => files.length === 30))
})

test('a request after a save sees the image, and requests in the meantime share one more walk', async (t: TestContext) => {
  const { index, folder, walks } = await build(t, 30)
  const before = index.files()
  await writeFile(join(folder, 'new.png'), 'x')
  index.invalidate()
  const after = await Promise.all(Array.from({ length: 40 }, () => index.files()))
  await before
  t.assert.strictEqual(walks(), 2)
  t.assert.ok(after.every((files) => files.some(({ name }) => name === 'new.png')))
})

test('a large folder is walked again only after a save or a few seconds, a small one for every request', async (t: TestContext) => {
  const small = await build(t, 10)
  await small.index.files()
  await small.index.files()
  t.assert.strictEqual(small.walks(), 2)
  const large = await build(t, 1001)
  await large.index.files()
  await large.index.files()
  t.assert.strictEqual(large.walks(), 1)
  large.index.invalidate()
  await large.index.files()
  t.assert.strictEqual(large.walks(), 2)
})

test('a walk that fails is not remembered', async (t: TestContext) => {
  const root = join(await temporaryFolder(t), 'images')
  await writeFile(root, 'a file')
  const index = indexOf(() => DirectoryHandle.open(root))
  for (let at = 0; at < 2; at++) await t.assert.rejects(index.files(), { code: 'ENOTDIR' })
})
