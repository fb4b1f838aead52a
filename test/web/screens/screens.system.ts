import { describe, type TestContext, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import sharp from 'sharp'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { NewImageFacts } from '../../../services/library/add-images.ts'
import { callTool } from '../../support/service.ts'
import { accessibilityProblems } from '../../support/system/accessibility.ts'
import { openPage } from '../../support/system/browser.ts'
import { type StudioService, startStudio } from '../../support/system/studio.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Stores an image with any facts, without paying for one. */
async function store(
  { app }: StudioService,
  { width = 64, height = 48, ...facts }: Partial<NewImageFacts> & { width?: number; height?: number } = {},
): Promise<ImageRecord> {
  const background = { r: Math.floor(Math.random() * 256), g: 90, b: 160, alpha: 1 }
  const bytes = await sharp({ create: { width, height, channels: 4, background } })
    .png()
    .toBuffer()
  const decoded = async function* () {
    yield bytes
  }
  const added = await app.library?.add(
    [{ mimeType: 'image/png', width, height, bytes: bytes.length, decoded }],
    { origin: 'generated', owner: 'address:127.0.0.1', parents: [], tags: [], ...facts },
    undefined,
  )
  const record = added?.[0]?.record
  if (record === undefined) throw new Error('the image was not stored')
  return record
}

async function storeMany(service: StudioService, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) await store(service, { prompt: `fox number ${number}.` })
}

/** The studio in a page. */
async function open(t: TestContext, service: StudioService, options: Parameters<typeof openPage>[1] = {}) {
  const { page, problems } = await openPage(t, options)
  await page.goto(`${service.url}/studio`)
  await page.getByRole('heading', { name: 'Gallery' }).waitFor()
  return { page, problems, tiles: page.getByRole('list', { name: /Arrow keys/ }).getByRole('button') }
}

const button = (page: Page, name: string): Locator => page.getByRole('button', { name, exact: true })
const heading = (page: Page, name: string): Locator => page.getByRole('heading', { level: 1, name })
const count = async (locator: Locator, expected: number) =>
  await waitFor(`${expected} of ${locator}`, async () => (await locator.count()) === expected)
const focused = (page: Page): Locator => page.locator(':focus')

describe('the gallery', () => {
  test('pages through the images, newest first, by buttons and keys, and comes back to the same place', async (t: TestContext) => {
    const service = await startStudio(t)
    await storeMany(service, 60)
    const { page, problems, tiles } = await open(t, service)
    await count(tiles, 48)
    t.assert.match((await tiles.first().textContent()) ?? '', /fox number 60\./)
    await tiles.first().focus()
    await page.keyboard.press('ArrowRight')
    t.assert.match((await focused(page).textContent()) ?? '', /fox number 59\./)
    await page.keyboard.press('End')
    await page.keyboard.press('ArrowRight')
    await count(tiles, 60)
    await page.keyboard.press('Enter')
    await heading(page, 'Image').waitFor()
    await button(page, 'Back').click()
    await count(tiles, 60)
    t.assert.match((await focused(page).textContent()) ?? '', /fox number 13\./)
    await page.keyboard.press('Home')
    t.assert.match((await focused(page).textContent()) ?? '', /fox number 60\./)
    t.assert.deepStrictEqual(problems, [])
  })

  test('searches by words, tag and model', async (t: TestContext) => {
    const service = await startStudio(t)
    await store(service, { prompt: 'a red fox', tags: ['draft'], model: 'gpt-image-2' })
    await store(service, { prompt: '一只红色的狐狸', tags: ['客户 A'], model: 'flux.2-pro' })
    await store(service, { prompt: 'a blue bird', model: 'gpt-image-2' })
    const { page, tiles } = await open(t, service)
    await count(tiles, 3)
    const find = async (label: string, value: string, expected: number) => {
      await page.getByLabel(label, { exact: true }).fill(value)
      await count(tiles, expected)
      await button(page, 'Clear search').first().click()
      await count(tiles, 3)
    }
    await find('Words', 'fox', 1)
    await find('Words', '狐狸', 1)
    const words = page.getByLabel('Words', { exact: true })
    await words.pressSequentially('a red ')
    await count(tiles, 1)
    await words.pressSequentially('fox')
    t.assert.strictEqual(await words.inputValue(), 'a red fox')
    await button(page, 'Clear search').first().click()
    await count(tiles, 3)
    await find('Tag', '客户 A', 1)
    await page.getByLabel('Model').selectOption('gpt-image-2')
    await count(tiles, 2)
    await page.getByLabel('Words').fill('nothing like this')
    await page.getByText('No image matches.').first().waitFor()
  })

  test('draws thumbnails of what is visible only', async (t: TestContext) => {
    const service = await startStudio(t)
    await storeMany(service, 48)
    const { page, tiles } = await open(t, service, { viewport: { width: 400, height: 500 } })
    await count(tiles, 48)
    const drawn = page.locator('.thumbnail canvas')
    await waitFor('thumbnails', async () => (await drawn.count()) > 3)
    t.assert.ok((await drawn.count()) < 24)
    await tiles.last().scrollIntoViewIfNeeded()
    await waitFor('the last thumbnail', async () => (await tiles.last().locator('canvas').count()) === 1)
    await waitFor('the first one is released', async () => (await tiles.first().locator('canvas').count()) === 0)
  })
})

describe('the viewer', () => {
  test('shows text of strangers as text, in its direction', async (t: TestContext) => {
    const service = await startStudio(t)
    const prompt = '<img src=x onerror="document.title=1"><b>bold</b> ثعلب أحمر'
    await store(service, { prompt, tags: ['<i>tag</i>'] })
    const { page, problems, tiles } = await open(t, service)
    await tiles.first().click()
    await heading(page, 'Image').waitFor()
    t.assert.strictEqual(await page.locator('.prompt').textContent(), prompt)
    t.assert.strictEqual(await page.locator('img, .prompt b').count(), 0)
    await button(page, '<i>tag</i>').click()
    await count(tiles, 1)
    t.assert.strictEqual(await page.getByLabel('Tag', { exact: true }).inputValue(), '<i>tag</i>')
    t.assert.deepStrictEqual(problems, [])
  })

  test('zooms and pans by keys, wheel and buttons; loads all pixels when they are seen', async (t: TestContext) => {
    const service = await startStudio(t)
    const { id } = await store(service, { prompt: 'large', width: 3000, height: 2000 })
    const { page, tiles } = await open(t, service)
    const whole: unknown[] = []
    page.on('request', (request) => {
      const sent = request.postData() ?? ''
      if (sent.includes('studio_image') && sent.includes(id) && !sent.includes('max_edge')) whole.push(sent)
    })
    await tiles.first().click()
    const zoom = page.locator('.zoom-bar output')
    await waitFor('the scale', async () => Number.parseInt((await zoom.textContent()) ?? '', 10) < 40)
    t.assert.strictEqual(whole.length, 0)
    await button(page, '100%, actual size').click()
    t.assert.strictEqual(await zoom.textContent(), '100%')
    await waitFor('all pixels', () => whole.length > 0)
    await page.locator('.view').focus()
    await page.keyboard.press('+')
    t.assert.strictEqual(await zoom.textContent(), '125%')
    await page.keyboard.press('0')
    await page.locator('.view').hover()
    await page.keyboard.down('Control')
    await page.mouse.wheel(0, -400)
    await page.keyboard.up('Control')
    await waitFor('the zoom of the wheel', async () => Number.parseInt((await zoom.textContent()) ?? '', 10) > 40)
  })

  test('never decodes more pixels than a small device has memory for', async (t: TestContext) => {
    const service = await startStudio(t)
    const { id } = await store(service, { prompt: 'huge', width: 7000, height: 6000 })
    const { page, tiles } = await open(t, service)
    const edges: unknown[] = []
    page.on('request', (request) => {
      const { name, arguments: args } = JSON.parse(request.postData() ?? '{}').params ?? {}
      if (name === 'studio_image' && args.id === id) edges.push(args.max_edge)
    })
    await tiles.first().click()
    await button(page, '100%, actual size').click()
    await waitFor('its largest version', () => edges.includes(4096))
    t.assert.ok(!edges.includes(undefined), String(edges))
  })

  test('copies the id, downloads the stored bytes, and deletes after a confirmation', async (t: TestContext) => {
    const service = await startStudio(t)
    await store(service, { prompt: 'stays' })
    const { id, bytes } = await store(service, { prompt: 'goes' })
    const { page, tiles } = await open(t, service)
    await tiles.first().click()
    await button(page, 'Copy id').click()
    await page.getByText('The id was copied.').first().waitFor()
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download').click()])
    t.assert.strictEqual(download.suggestedFilename(), `${id}.png`)
    let stored = 0
    for await (const chunk of await download.createReadStream()) stored += chunk.length
    t.assert.strictEqual(stored, bytes)

    await button(page, 'Delete').click()
    const dialog = page.getByRole('dialog', { name: 'Delete this image?' })
    await dialog.waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    t.assert.strictEqual(await focused(page).textContent(), 'Delete')
    await button(page, 'Delete').click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await count(tiles, 1)
    t.assert.match((await tiles.first().textContent()) ?? '', /stays/)
  })

  test('offers only what the service has', async (t: TestContext) => {
    const service = await startStudio(t, { TOOLS: 'default' })
    await store(service, { prompt: 'only one' })
    const { page, tiles } = await open(t, service)
    await tiles.first().click()
    await button(page, 'History').waitFor()
    for (const name of ['Delete', 'Compare', 'Use in chat']) {
      t.assert.strictEqual(await button(page, name).count(), 0, name)
    }
  })
})

/** root → (a → a2, b), and an image of which the parent does not exist. */
async function storeFamily(service: StudioService) {
  const root = await store(service, { prompt: 'the root' })
  const from = (prompt: string, ...parents: ImageRecord[]) =>
    store(service, { prompt, origin: 'edited', parents: parents.map(({ id }) => id) })
  const a = await from('version a', root)
  const a2 = await from('version a2', a)
  const b = await from('version b', root, a2)
  return { root, a, a2, b }
}

describe('history and compare', () => {
  test('the tree has every version, the current one marked, and leads back to any of them', async (t: TestContext) => {
    const service = await startStudio(t)
    const { root } = await storeFamily(service)
    const { page, problems, tiles } = await open(t, service)
    await tiles.filter({ hasText: 'version a2' }).click()
    await button(page, 'History').click()
    const rows = page.getByRole('list', { name: /Versions/ }).getByRole('listitem')
    await count(rows, 4)
    const names = await rows.locator('.two-lines').allTextContents()
    t.assert.deepStrictEqual(names, ['the root', 'version a', 'version a2', 'version b'])
    t.assert.match((await page.locator('[aria-current=true]').textContent()) ?? '', /version a2/)
    await rows.filter({ hasText: 'the root' }).locator('.version-open').click()
    await heading(page, 'Image').waitFor()
    t.assert.strictEqual(await page.getByLabel('Id', { exact: true }).inputValue(), root.id)
    await button(page, 'Back').click()
    await count(rows, 4)
    t.assert.deepStrictEqual(problems, [])
  })

  test('a version that was deleted keeps its place', async (t: TestContext) => {
    const service = await startStudio(t)
    const { root } = await storeFamily(service)
    await callTool(service.url, 'delete_image', { id: root.id })
    const { page, tiles } = await open(t, service)
    await tiles.filter({ hasText: 'version a2' }).click()
    await button(page, 'History').click()
    const rows = page.getByRole('list', { name: /Versions/ }).getByRole('listitem')
    await count(rows, 4)
    t.assert.match((await rows.first().textContent()) ?? '', /^Deleted, or of someone else/)
    t.assert.strictEqual(await rows.first().getByRole('button').count(), 0)
  })

  test('any two versions are compared, by mouse, keys and beside each other', async (t: TestContext) => {
    const service = await startStudio(t)
    const { root, b } = await storeFamily(service)
    const { page, problems, tiles } = await open(t, service)
    await tiles.filter({ hasText: 'version b' }).click()
    await button(page, 'History').click()
    await button(page, 'Compare: version b').click()
    await button(page, 'Compare: the root').click()
    await button(page, 'Compare the two chosen versions').click()
    await heading(page, 'Compare').waitFor()
    const [before, after] = [page.locator('select').first(), page.locator('select').last()]
    t.assert.deepStrictEqual([await before.inputValue(), await after.inputValue()], [root.id, b.id])
    const split = page.getByRole('slider')
    await split.focus()
    await page.keyboard.press('ArrowRight')
    t.assert.strictEqual(await split.inputValue(), '51')
    const view = await page.locator('.view').boundingBox()
    if (view === null) throw new Error('there is nothing to drag')
    await page.mouse.move(view.x + view.width / 2, view.y + 50)
    await page.mouse.down()
    await page.mouse.move(view.x + view.width, view.y + 50, { steps: 4 })
    await page.mouse.up()
    t.assert.strictEqual(await split.inputValue(), '100')
    await button(page, 'Swap').click()
    t.assert.deepStrictEqual([await before.inputValue(), await after.inputValue()], [b.id, root.id])
    await button(page, 'Side by side').click()
    t.assert.strictEqual(await split.count(), 0)
    t.assert.deepStrictEqual(problems, [])
  })
})

/** Evaluated in the page: the texts of buttons that are lower than 44 px. */
const smallTargets = `[...document.querySelectorAll('button')]
  .filter((each) => each.getClientRects().length > 0 && each.getBoundingClientRect().height < 43.9)
  .map((each) => each.textContent)`

test('no screen has serious barriers, in either theme, small and large', async (t: TestContext) => {
  const service = await startStudio(t)
  await storeFamily(service)
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1280]) {
      const { page, tiles } = await open(t, service, { colorScheme, viewport: { width, height: 700 } })
      await count(tiles, 4)
      const check = async (screen: string) => {
        t.assert.deepStrictEqual(await accessibilityProblems(page), [], `${screen}, ${colorScheme}, ${width} px`)
        const tooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
        t.assert.strictEqual(tooWide, false, `${screen} scrolls sideways at ${width} px`)
        const small = await page.evaluate(smallTargets)
        t.assert.deepStrictEqual(small, [], `${screen}: targets below 44 px`)
      }
      await check('gallery')
      await tiles.filter({ hasText: 'version b' }).click()
      await page.getByText('About the image').waitFor()
      await check('viewer')
      await button(page, 'Compare').click()
      await page.getByRole('slider').waitFor()
      await check('compare')
      await button(page, 'Back').click()
      await button(page, 'History').click()
      await count(page.locator('.version'), 4)
      await check('history')
    }
  }
})

test('an address of an image that is not there says so on every screen, and nothing loads for ever', async (t: TestContext) => {
  const service = await startStudio(t)
  const { page, problems } = await open(t, service)
  const id = 'img_01jd00000000000000000000ab'
  for (const address of [`viewer/${id}`, `edit/${id}`, `history/${id}`, `compare/${id}/${id}`]) {
    await page.goto(`${service.url}/studio#${address}`)
    await page.getByText('This image does not exist').first().waitFor()
    await count(page.getByText('Loading'), 0)
  }
  t.assert.deepStrictEqual(problems, [])
})
