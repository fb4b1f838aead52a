import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { LINK_ACCESS } from '../../services/library/access.ts'
import { listen } from '../support/app.ts'
import { noisePng } from '../support/images/images.ts'
import { openPage } from '../support/system/browser.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const textOf = (page: Page, id: string) => page.locator(`#${id}`).textContent()

/** Expression for a list of files with one image, as a drop or a paste has it. */
const transferOf = (image: Buffer) =>
  `(() => { const data = new DataTransfer(); data.items.add(new File([Uint8Array.fromBase64('${image.toString('base64')}')], 'a.png', { type: 'image/png' })); return data })()`

type Pass = (page: Page, image: Buffer) => Promise<unknown>

/** Each way in which a person passes an image. */
const pick: Pass = (page, buffer) => page.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer })
const drop: Pass = (page, image) =>
  page.evaluate(
    `document.getElementById('drop').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: ${transferOf(image)} }))`,
  )
const paste: Pass = (page, image) =>
  page.evaluate(
    `document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: ${transferOf(image)} }))`,
  )

test('in Chromium the upload page takes an image that is picked, dropped or pasted, and shows its id', async (t: TestContext) => {
  const { app, url } = await listen(t)
  const { page, problems, requests } = await openPage(t)
  const image = noisePng(200)
  for (const pass of [pick, drop, paste]) {
    const asked = app.uploads?.request('address:127.0.0.1', 'image')
    await page.goto(`${url}/uploads/${asked?.token}`)
    await pass(page, image)
    await page.locator('#result').waitFor()
    t.assert.equal(await textOf(page, 'id'), asked?.ticket.id)
    t.assert.equal((await app.library?.get(asked?.ticket.id ?? '', LINK_ACCESS))?.bytes, image.length)
    await page.locator('#copy').click()
    await waitFor('the copy', async () => (await textOf(page, 'copy')) === 'Copied')
    t.assert.equal(await page.evaluate(`String(getSelection())`), asked?.ticket.id)
  }
  t.assert.deepEqual(problems, [])
  t.assert.ok(
    requests.every((each) => each.startsWith(url)),
    String(requests),
  )
})

test('in Chromium the upload page says what is wrong with a large file, and takes the next one', async (t: TestContext) => {
  const { app, url } = await listen(t)
  const { page } = await openPage(t)
  const folder = await temporaryFolder(t)
  const asked = app.uploads?.request('address:127.0.0.1', 'image')
  await page.goto(`${url}/uploads/${asked?.token}`)
  const files: [string, Buffer, RegExp][] = [
    ['a.heic', Buffer.concat([Buffer.from('\0\0\0\x18ftypheic'), Buffer.alloc(15_000_000)]), /a HEIC image/],
    ['large.png', Buffer.alloc(25_000_000), /larger than the limit of 20971520 bytes/],
  ]
  for (const [name, bytes, sentence] of files) {
    await writeFile(join(folder, name), bytes)
    await page.setInputFiles('#file', join(folder, name))
    await waitFor(`the error of ${name}`, async () => sentence.test(String(await textOf(page, 'error'))))
    t.assert.equal(await page.locator('#drop').isVisible(), true)
  }
  await drop(page, noisePng(50))
  await page.locator('#result').waitFor()
})

test("in Chromium the upload page of a user who was asked takes an image with that user's key only", async (t: TestContext) => {
  const { app, url } = await listen(t, { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' })
  const { page } = await openPage(t)
  const asked = app.uploads?.request('key:ann', 'image', { isForOwner: true })
  await page.goto(`${url}/uploads/${asked?.token}`)
  const errorShown = (sentence: RegExp) =>
    waitFor(String(sentence), async () => sentence.test(String(await textOf(page, 'error'))))
  await drop(page, noisePng(50))
  await errorShown(/^Enter the key with which your chat reaches this service/)
  for (const [key, sentence] of [
    ['wrong', /^Invalid API key/],
    ['key-of-bob-0123456789', /^This upload page is for the user who was asked/],
    ['schlüssel-\u4e00', /^Enter the key/],
  ] as const) {
    await page.locator('#key').fill(key)
    await drop(page, noisePng(50))
    await errorShown(sentence)
  }
  await page.locator('#key').fill(' key-of-ann-0123456789 ')
  await drop(page, noisePng(50))
  await page.locator('#result').waitFor()
  t.assert.equal(await textOf(page, 'id'), asked?.ticket.id)
})

for (const width of [360, 3840]) {
  test(`in Chromium the upload page fits a window of ${width} pixels`, async (t: TestContext) => {
    const { app, url } = await listen(t)
    const { page } = await openPage(t, { viewport: { width, height: 800 } })
    await page.goto(`${url}/uploads/${app.uploads?.request('address:127.0.0.1', 'image').token}`)
    t.assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width)
    // The first stop of the Tab key is the file.
    await page.keyboard.press('Tab')
    t.assert.equal(await page.evaluate('document.activeElement.id'), 'file')
  })
}
