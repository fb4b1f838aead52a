import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { docsImages, MAX_SCREENSHOT_BYTES, screenshotNames, takeScreenshots } from '../../scripts/screenshots.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('the images of the studio in the documentation can be taken from the studio as it is', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  await takeScreenshots(t, folder)
  const files = screenshotNames.map((name) => `${name}.png`).toSorted()
  t.assert.deepEqual((await readdir(folder)).toSorted(), files)
  const shipped = (await readdir(docsImages)).filter((name) => name.startsWith('studio-'))
  t.assert.deepEqual(shipped.toSorted(), files, 'run npm run screenshots')
  for (const file of files) {
    const [taken, inDocs] = await Promise.all([folder, docsImages].map((each) => sharp(join(each, file)).metadata()))
    t.assert.equal(`${inDocs?.width}x${inDocs?.height}`, `${taken?.width}x${taken?.height}`, 'run npm run screenshots')
    t.assert.ok((await stat(join(docsImages, file))).size <= MAX_SCREENSHOT_BYTES)
  }
})
