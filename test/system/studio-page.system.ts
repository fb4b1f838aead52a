import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import sharp from 'sharp'
import { textsOf } from '../../web/texts/texts.ts'
import { accessibilityProblems } from '../support/system/accessibility.ts'
import { type OpenedPage, openPage } from '../support/system/browser.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'

/** The studio as the page `GET /studio`: the whole round of a person, against the real service and the simulator. */

const { en: texts } = textsOf
type Person = ReturnType<typeof personAt>

async function openStudio(t: TestContext, { url }: { url: string }, options: BrowserContextOptions = {}) {
  const opened = await openPage(t, options)
  await opened.page.goto(`${url}/studio`)
  return { ...opened, person: personAt({ page: opened.page, view: opened.page }) }
}

/** Nothing of another origin, nothing blocked, nothing stored in the browser. */
async function checkPrivacy(t: TestContext, { page, problems, requests }: OpenedPage, url: string): Promise<void> {
  t.assert.deepEqual(problems, [])
  const others = requests.filter((each) => !each.startsWith(url) && !/^(data|blob):/.test(each))
  t.assert.deepEqual(others, [])
  const stored = await page.evaluate(
    `(async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, document.cookie])()`,
  )
  t.assert.deepEqual(stored, [0, 0, 0, ''])
  t.assert.equal(await page.locator('img').count(), 0)
}

test('in a browser an image is generated, edited, compared, found in its history and downloaded; each is paid once', async (t: TestContext) => {
  const service = await startStudio(t)
  const opened = await openStudio(t, service)
  const { page, person } = opened
  const { press } = person
  await person.generate('a fox in a meadow')
  t.assert.equal(service.paidCalls(), 1)
  await person.openImage('a fox')
  await person.openEditor()
  await person.edit('add a red balloon')
  t.assert.equal(service.paidCalls(), 2)
  await press(texts.editor.compare)
  await person.heading(texts.compare.title)
  await press(texts.compare.side)
  await press(texts.compare.openAfter)
  await person.heading(texts.viewer.title)
  await press(texts.viewer.history)
  await person.heading(texts.history.title)
  await page
    .getByRole('list', { name: texts.history.versions })
    .getByRole('button', { name: /a fox in a meadow/ })
    .first()
    .click()
  await person.heading(texts.viewer.title)
  const [download] = await Promise.all([page.waitForEvent('download'), press(texts.viewer.download)])
  const { format, width } = await sharp(await download.path()).metadata()
  t.assert.deepEqual({ format, width }, { format: 'png', width: 1024 })
  t.assert.equal(service.paidCalls(), 2)
  await checkPrivacy(t, opened, service.url)
})

const KEYS = 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789'

test('in a browser the key is asked for once, a wrong one is named, and it is stored nowhere', async (t: TestContext) => {
  const service = await startStudio(t, { MCP_API_KEYS: KEYS })
  await service.generate({ prompt: 'a fox of Ann' })
  const opened = await openStudio(t, service)
  const { page, person } = opened
  const dialog = page.getByRole('dialog', { name: texts.app.key.title })
  const enter = async (key: string) => {
    await dialog.getByLabel(texts.app.key.label).fill(key)
    await person.press(texts.app.key.enter)
  }
  await dialog.getByText(texts.app.key.missing).waitFor()
  await enter('wrong')
  await dialog.getByText(texts.app.key.wrong).waitFor()
  await enter('key-of-bob-0123456789')
  await dialog.waitFor({ state: 'detached' })
  await page.getByText(texts.gallery.empty).waitFor()
  await checkPrivacy(t, opened, service.url)
  await page.reload()
  await enter(' key-of-ann-0123456789 ')
  await person.openImage('a fox of Ann')
  await person.settled()
  t.assert.equal(await dialog.count(), 0)
  const html = await page.content()
  t.assert.ok(!html.includes('key-of-ann'), 'the key is not in the document')
  await checkPrivacy(t, opened, service.url)
})

const screens: Record<string, (person: Person) => Promise<void>> = {
  gallery: async (person) => person.heading(texts.gallery.title),
  viewer: (person) => person.openImage('a fox'),
  history: async (person) => {
    await person.press(texts.viewer.history)
    await person.heading(texts.history.title)
  },
  compare: async (person) => {
    for (const words of ['a fox', 'at night']) {
      await person.press(new RegExp(`^${texts.history.chooseLabel('')}.*${words}`))
    }
    await person.press(texts.history.compare)
    await person.heading(texts.compare.title)
  },
  editor: async (person) => {
    await person.openImage('a fox')
    await person.openEditor()
  },
  generate: async (person) => {
    await person.press(texts.app.generate, person.page.getByRole('navigation'))
    await person.heading(texts.generate.title)
  },
}

for (const [colorScheme, width] of [
  ['light', 360],
  ['dark', 1280],
  ['light', 3840],
] as const) {
  test(`every screen can be used with a screen reader and fits ${width} pixels, in ${colorScheme} colors`, async (t: TestContext) => {
    const service = await startStudio(t)
    const fox = await service.generate({ prompt: 'a fox in a meadow' })
    await service.edit({ image: fox, prompt: 'at night' })
    const { page, person, problems } = await openStudio(t, service, { colorScheme, viewport: { width, height: 800 } })
    const found: string[] = []
    for (const [name, open] of Object.entries(screens)) {
      await open(person)
      await person.settled()
      found.push(...(await accessibilityProblems(page)).map((each) => `${name}: ${each}`))
      const taken = Number(await page.evaluate('document.documentElement.scrollWidth'))
      if (taken > width) found.push(`${name}: ${taken} pixels wide`)
    }
    t.assert.deepEqual(found, [])
    t.assert.deepEqual(problems, [])
  })
}

test('without authentication a reload leads to what was paid for, and pays for nothing', async (t: TestContext) => {
  const service = await startStudio(t)
  // Behind a proxy no caller is known, so that nobody lists images or stores drafts.
  const opened = await openStudio(t, service, { extraHTTPHeaders: { 'x-forwarded-for': '192.0.2.1' } })
  const { page, person } = opened
  const results = page.getByRole('region', { name: texts.generate.results })
  await person.heading(texts.generate.title)
  await page.getByLabel(texts.generate.prompt, { exact: true }).fill('a fox in a meadow')
  await person.press(texts.generate.submit)
  await results.waitFor()
  await page.reload()
  await results.waitFor()
  await results.getByRole('button', { name: texts.generate.edit }).click()
  await person.edit('add a red balloon')
  t.assert.equal(service.paidCalls(), 2)
  await page.reload()
  await page.getByRole('heading', { name: texts.editor.done(1) }).waitFor()
  await page.goBack()
  await results.waitFor()
  t.assert.equal(service.paidCalls(), 2)
  await checkPrivacy(t, opened, service.url)
})

test('a browser that is too old for the studio is told so', async (t: TestContext) => {
  const service = await startStudio(t)
  const { page, problems } = await openPage(t)
  await page.addInitScript('delete Uint8Array.fromBase64')
  await page.goto(`${service.url}/studio`)
  await page.getByRole('alert').getByText(texts.app.tooOld).waitFor()
  t.assert.deepEqual(problems, [])
})

test('a key that is held down pays once, also when the call is done', async (t: TestContext) => {
  const service = await startStudio(t)
  const { page, person } = await openStudio(t, service)
  const results = page.getByRole('region', { name: texts.generate.results })
  await person.generate('a fox in a meadow')
  t.assert.equal(service.paidCalls(), 1)
  const again = page.getByRole('button', { name: texts.generate.again, exact: true })
  await again.focus()
  await page.keyboard.down('Enter')
  await results.getByRole('button', { name: texts.generate.edit }).waitFor({ state: 'detached' })
  const isHeld = new AbortController()
  // As a keyboard repeats it.
  const repeating = (async () => {
    while (!isHeld.signal.aborted) await page.keyboard.down('Enter')
  })()
  await results.getByRole('button', { name: texts.generate.edit }).waitFor()
  await person.settled()
  isHeld.abort()
  await repeating
  await page.keyboard.up('Enter')
  await person.settled()
  t.assert.equal(service.paidCalls(), 2)
})
