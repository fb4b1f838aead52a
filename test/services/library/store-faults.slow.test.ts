import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, realpath, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { createLocalImageStore } from '../../../services/library/local/local-image-store.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The store in a separate process, so that kills, full disks and permissions are real. */
const script = path.join(import.meta.dirname, '../../support/store-process.ts')
const project = path.resolve(import.meta.dirname, '../../..')

function start(t: TestContext, command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function linesOf(child: ChildProcess): Promise<string[]> {
  const lines: string[] = []
  if (child.stdout === null) return lines
  for await (const line of createInterface(child.stdout)) lines.push(line)
  return lines
}

test('a kill during a write leaves no partial image, and the next start removes the temporary files', async (t: TestContext) => {
  const root = path.join(await temporaryFolder(t), 'images')
  const bytes = 3_000_000
  const expected = Buffer.alloc(bytes, 'image')
  for (const afterLines of [1, 2, 3, 4, 5]) {
    const child = start(t, process.execPath, [script, root, String(bytes), '1000'])
    let lines = 0
    if (child.stdout !== null) {
      for await (const line of createInterface(child.stdout))
        if (line !== '' && ++lines === afterLines) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    t.assert.strictEqual(child.signalCode, 'SIGKILL')
  }
  const album = path.join(root, 'album')
  for (const name of (await readdir(album)).filter((one) => one.endsWith('.png'))) {
    t.assert.ok((await readFile(path.join(album, name))).equals(expected), name)
  }
  const left = (await readdir(album)).filter((name) => name.endsWith('.tmp'))
  for (const name of left) await utimes(path.join(album, name), 1, 1)
  const store = createLocalImageStore({ folder: root })
  t.assert.strictEqual(await store.removeStaleFiles(3_600_000), left.length)
  t.assert.ok((await store.list()).images.length >= 15)
})

test('a full disk fails the save with a service error and leaves nothing behind', async (t: TestContext) => {
  const root = path.join(await temporaryFolder(t), 'images')
  // A limit on file size fails a write half-way, as a full disk does, and needs no privileges.
  const limited = ['-c', 'ulimit -f 1000 && exec "$@"', 'sh', process.execPath, script, root]
  const rejected = await linesOf(start(t, 'sh', [...limited, '3000000', '2']))
  const sentence = "IMG_ERR_STORE_FULL The image was not saved: the disk of the server's images folder is full."
  t.assert.deepStrictEqual(rejected, [sentence, sentence])
  t.assert.deepStrictEqual(await readdir(path.join(root, 'album')), [])
  t.assert.deepStrictEqual(await linesOf(start(t, 'sh', [...limited, '30000', '1'])), [path.join(root, 'album/x.png')])
})

const permitted = (folder: string) => [
  '--permission',
  `--allow-fs-read=${project}`,
  `--allow-fs-read=${folder}`,
  `--allow-fs-write=${folder}`,
]

test("saves under Node's permission model, which knows neither fsync nor /proc", async (t: TestContext) => {
  const root = path.join(await realpath(await temporaryFolder(t)), 'images')
  // The permission model treats a folder that does not exist at the start as a file.
  await mkdir(root)
  const lines = await linesOf(start(t, process.execPath, [...permitted(root), script, root, '2000000', '2']))
  t.assert.deepStrictEqual(lines, [path.join(root, 'album/x.png'), path.join(root, 'album/x-2.png')])
  t.assert.strictEqual((await stat(path.join(root, 'album/x.png'))).size, 2_000_000)
  t.assert.deepStrictEqual((await readdir(path.join(root, 'album'))).sort(), ['x-2.png', 'x.png'])
})

test('reports that the permission model forbids writing', async (t: TestContext) => {
  const folder = await realpath(await temporaryFolder(t))
  const lines = await linesOf(
    start(t, process.execPath, [
      ...permitted(path.join(folder, 'other')),
      script,
      path.join(folder, 'images'),
      '10',
      '1',
    ]),
  )
  t.assert.match(lines.join('\n'), /^IMG_ERR_STORE_UNWRITABLE /)
})

test('without anchored directories, while links are swapped in, whatever is reported as saved is saved, and no other file changes', async (t: TestContext) => {
  const folder = await realpath(await temporaryFolder(t))
  const root = path.join(folder, 'images')
  const album = path.join(root, 'album')
  const aside = path.join(root, 'aside')
  await mkdir(album, { recursive: true })
  await mkdir(path.join(folder, 'neighbour'))
  await writeFile(path.join(folder, 'neighbour/x.png'), 'secret')
  const child = start(t, process.execPath, [...permitted(root), script, root, '2000', '300'])
  const printed = linesOf(child)
  const ended = once(child, 'exit')
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  // The store recreates a missing folder, so each step may meet an obstacle.
  const quietly = (step: Promise<unknown>) => step.catch(() => {})
  while (!isOver) {
    await quietly(rename(album, aside))
    await quietly(symlink('../neighbour', album))
    await quietly(rm(album))
    await quietly(rename(aside, album))
  }
  await quietly(rename(aside, album))
  const saved = (await printed).filter((line) => !/^IMG_ERR_(STORE|PATH)_/.test(line))
  t.diagnostic(`${saved.length} of 300 saved`)
  for (const file of saved) {
    t.assert.ok(file.startsWith(`${album}/`), file)
    const places = [file, file.replace(album, aside)]
    const sizes = await Promise.all(
      places.map((place) =>
        stat(place).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    )
    t.assert.ok(sizes.includes(2000), file)
  }
  t.assert.strictEqual(await readFile(path.join(folder, 'neighbour/x.png'), 'utf8'), 'secret')
})
