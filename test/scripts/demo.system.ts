import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { startDemo } from '../support/demo.ts'

const run = promisify(execFile)

/** The library's own files are hidden. */
const isVisible = (name: string) => !name.startsWith('.')

test('the calls that the demo prints work when pasted, with models of several families', async (t: TestContext) => {
  await run('curl', ['--version']).catch(() =>
    t.assert.fail('curl is missing: ./scripts/install-test-packages.sh installs it'),
  )
  const { images, printed } = await startDemo(t, { folder: "demo's images" })
  const calls = printed.split('\n').filter((line) => line.includes('curl -sS'))
  t.assert.strictEqual(calls.length, 4)
  for (const call of calls) {
    const { stdout } = await run('sh', ['-c', call], { timeout: 120_000 })
    t.assert.match(stdout, /Image successfully (generated|edited)\. Saved to server at: /)
  }
  t.assert.deepStrictEqual((await readdir(images)).filter(isVisible).toSorted(), [
    'fox-2.png',
    'fox-balloon.png',
    'fox.png',
    'sunset-bw.png',
    'sunset.png',
  ])
  const { channels } = await sharp(join(images, 'sunset-bw.png')).stats()
  const [red, green, blue] = channels.map(({ mean }) => Math.round(mean))
  t.assert.ok(red === green && green === blue)
  const outside = async (name: string) =>
    sharp(join(images, name)).removeAlpha().extract({ left: 0, top: 500, width: 1024, height: 524 }).raw().toBuffer()
  t.assert.ok((await outside('fox.png')).equals(await outside('fox-balloon.png')))
})
