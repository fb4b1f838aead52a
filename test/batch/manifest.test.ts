import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openManifest } from '../../batch/manifest.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const item = (name: string) => ({ line: 1, key: name, tool: 'generate_image' as const, args: {}, name })
const outcome = (...texts: string[]) => ({
  isError: false,
  text: '',
  notes: '',
  ids: [],
  images: texts.map((text) => ({ bytes: Buffer.from(text.repeat(100_000)), mimeType: 'image/png' })),
})

test('images of one name at the same moment, also of two runs in one folder, each get a file of their own', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const [one, other] = [await openManifest(folder), await openManifest(folder)]
  const written = ['a', 'b', 'c', 'd', 'e']
  await Promise.all([
    one.completed(item('fox'), outcome('a', 'b')),
    one.completed(item('fox-1'), outcome('c')),
    other.completed(item('fox'), outcome('d', 'e')),
  ])
  const files = (await readdir(folder)).filter((name) => name !== 'manifest.jsonl')
  const contents = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  t.assert.deepStrictEqual(
    contents.sort(),
    written.map((text) => text.repeat(100_000)),
  )
})

test('a name that is too long for a file is shortened, and the image is written', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  const manifest = await openManifest(folder)
  const long = item('图'.repeat(100))
  await manifest.completed(long, outcome('a'))
  await manifest.completed(long, outcome('b'))
  const files = (await readdir(folder)).filter((name) => name !== 'manifest.jsonl').sort()
  t.assert.strictEqual(files.length, 2)
  for (const file of files) t.assert.match(file, /^图+(?:-2)?\.png$/)
})
