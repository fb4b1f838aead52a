import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LINK_ACCESS } from '../../services/library/access.ts'
import { listen, temporaryFolder } from '../support/app.ts'
import { noisePng } from '../support/images/images.ts'
import { type BrowserPage, openChromium } from '../support/system/chromium.ts'
import { waitFor } from '../support/wait-for.ts'

const textOf = (page: BrowserPage, id: string) => page.evaluate(`document.getElementById('${id}').textContent`)
const isShown = (page: BrowserPage, id: string) => page.evaluate(`!document.getElementById('${id}').hidden`)

/** Expression for a list of files with one image, as a drop or a paste has it. */
const transferOf = (image: Buffer) =>
  `(() => { const data = new DataTransfer(); data.items.add(new File([Uint8Array.fromBase64('${image.toString('base64')}')], 'a.png', { type: 'image/png' })); return data })()`

/** Each way in which a person passes an image. */
const ways: Record<string, (page: BrowserPage, image: Buffer, path: string) => Promise<unknown>> = {
  pick: async (page, _image, path) => {
    const { root } = Object(await page.send('DOM.getDocument'))
    const { nodeId } = Object(await page.send('DOM.querySelector', { nodeId: root.nodeId, selector: '#file' }))
    await page.send('DOM.setFileInputFiles', { nodeId, files: [path] })
  },
  drop: (page, image) =>
    page.evaluate(
      `document.getElementById('drop').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: ${transferOf(image)} }))`,
    ),
  paste: (page, image) =>
    page.evaluate(
      `document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: ${transferOf(image)} }))`,
    ),
}

test('in Chromium the upload page takes an image that is picked, dropped or pasted, and shows its id', async (t: TestContext) => {
  const { app, url } = await listen(t)
  const page = await openChromium(t)
  const path = join(await temporaryFolder(t), 'a.png')
  const image = noisePng(200)
  await writeFile(path, image)
  for (const [name, pass] of Object.entries(ways)) {
    const asked = app.uploads?.request('address:127.0.0.1', 'image')
    await page.open(`${url}/uploads/${asked?.token}`)
    await pass(page, image, path)
    await waitFor(`the result of ${name}`, async () => (await isShown(page, 'result')) === true)
    t.assert.equal(await textOf(page, 'id'), asked?.ticket.id)
    t.assert.equal((await app.library?.get(asked?.ticket.id ?? '', LINK_ACCESS))?.bytes, image.length)
    await page.evaluate(`document.getElementById('copy').click()`)
    await waitFor('the copy', async () => (await textOf(page, 'copy')) === 'Copied')
    t.assert.equal(await page.evaluate(`String(getSelection())`), asked?.ticket.id)
  }
  t.assert.deepEqual(page.problems, [])
  t.assert.ok(
    page.requests.every((each) => each.startsWith(url)),
    String(page.requests),
  )
})

test('in Chromium the upload page says what is wrong with a large file, and takes the next one', async (t: TestContext) => {
  const { app, url } = await listen(t)
  const page = await openChromium(t)
  const folder = await temporaryFolder(t)
  const asked = app.uploads?.request('address:127.0.0.1', 'image')
  await page.open(`${url}/uploads/${asked?.token}`)
  const files: [string, Buffer, RegExp][] = [
    ['a.heic', Buffer.concat([Buffer.from('\0\0\0\x18ftypheic'), Buffer.alloc(15_000_000)]), /a HEIC image/],
    ['large.png', Buffer.alloc(25_000_000), /larger than the limit of 20971520 bytes/],
  ]
  for (const [name, bytes, sentence] of files) {
    await writeFile(join(folder, name), bytes)
    await ways.pick?.(page, bytes, join(folder, name))
    await waitFor(`the error of ${name}`, async () => sentence.test(String(await textOf(page, 'error'))))
    t.assert.equal(await isShown(page, 'drop'), true)
  }
  await ways.drop?.(page, noisePng(50), '')
  await waitFor('the result', async () => (await isShown(page, 'result')) === true)
})

for (const width of [360, 3840]) {
  test(`in Chromium the upload page fits a window of ${width} pixels`, async (t: TestContext) => {
    const { app, url } = await listen(t)
    const page = await openChromium(t)
    await page.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false })
    await page.open(`${url}/uploads/${app.uploads?.request('address:127.0.0.1', 'image').token}`)
    t.assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width)
    // The first stop of the Tab key is the file.
    await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 })
    t.assert.equal(await page.evaluate('document.activeElement.id'), 'file')
  })
}
