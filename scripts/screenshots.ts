import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { startAppHost } from '../test/support/system/app-host/app-host.ts'
import { openPage } from '../test/support/system/browser.ts'
import { type StudioService, startStudio } from '../test/support/system/studio.ts'
import { personAt } from '../test/support/system/studio-person.ts'

/**
 * `npm run screenshots`: the images of the studio in the documentation, taken from the real studio with simulated models. A
 * test takes them as well, so that they can always be taken again.
 */

/** The images, without the folder and the extension. */
export const screenshotNames = [
  ...['studio-gallery', 'studio-image', 'studio-new', 'studio-editor', 'studio-compare', 'studio-history'],
  ...['studio-chat', 'studio-dark', 'studio-small'],
] as const
type Name = (typeof screenshotNames)[number]

export const docsImages = join(import.meta.dirname, '../docs/images')

/** So that a page of the documentation loads quickly. */
export const MAX_SCREENSHOT_BYTES = 150_000

const prompts = [
  'a lighthouse on a cliff at dusk',
  'a logo with a mountain and the sun',
  'a city at night in the rain',
  'a cat on a sofa',
  'a red car on a country road',
  'planets and stars',
  'a bowl of fruit',
]
const fox = 'a fox in a meadow'

/** Takes them into a folder. */
export async function takeScreenshots(t: TestContext, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const service = await startStudio(t)
  for (const prompt of prompts) await service.generate({ prompt })
  const original = await service.generate({ prompt: fox })
  const balloon = await service.edit({ image: original, prompt: 'add a red balloon' })
  await service.edit({ image: balloon, prompt: 'at night' })
  await service.edit({ image: original, prompt: 'make this black and white' })

  const take = async (page: Page, name: Name) => {
    const png = await page.screenshot({ animations: 'disabled', caret: 'hide' })
    await writeFile(join(folder, `${name}.png`), await smallPng(png))
  }
  await takeTour(t, service, take)
  await takeChat(t, service, take)
  for (const [name, options] of [
    ['studio-dark', { colorScheme: 'dark', viewport: { width: 1200, height: 800 } }],
    ['studio-small', { viewport: { width: 360, height: 720 }, hasTouch: true }],
  ] as const) {
    const { page } = await openPage(t, options)
    const person = personAt({ page, view: page })
    await page.goto(`${service.url}/studio`)
    // Another image for each, because what was painted on one is restored.
    await person.openImage(name === 'studio-dark' ? 'a cat' : 'a red car')
    await person.openEditor()
    await paintSky(person)
    await take(page, name)
  }
}

type Take = (page: Page, name: Name) => Promise<void>

/** One screen after the other, as a person goes through them. */
async function takeTour(t: TestContext, { url }: StudioService, take: Take): Promise<void> {
  const { page } = await openPage(t, { viewport: { width: 1200, height: 800 } })
  const person = personAt({ page, view: page })
  const { texts, press } = person
  await page.goto(`${url}/studio`)
  await person.heading(texts.gallery.title)
  await person.settled()
  await take(page, 'studio-gallery')
  await person.openImage(fox)
  await person.settled()
  await take(page, 'studio-image')
  await press(texts.viewer.history)
  await person.heading(texts.history.title)
  await person.settled()
  await take(page, 'studio-history')
  for (const words of [fox, 'at night']) await press(new RegExp(`^${texts.history.chooseLabel('')}.*${words}`))
  await press(texts.history.compare)
  await person.heading(texts.compare.title)
  await person.settled()
  await take(page, 'studio-compare')
  await person.generate('two owls in the snow')
  await person.settled()
  await take(page, 'studio-new')
  await person.openImage(fox)
  await person.openEditor()
  await paintSky(person)
  await take(page, 'studio-editor')
}

async function paintSky({ page, view, texts, ...person }: ReturnType<typeof personAt>): Promise<void> {
  await person.paintByMouse([
    [0.3, 0.06],
    [0.7, 0.06],
    [0.7, 0.11],
    [0.3, 0.11],
    [0.3, 0.16],
    [0.7, 0.16],
  ])
  await view
    .getByText(/of the image is selected/)
    .first()
    .waitFor()
  await view.getByLabel(texts.editor.prompt).fill('Fill the sky with stars.')
  await page.mouse.move(0, 0)
  await person.settled()
  await page.evaluate('scrollTo(0, 0)')
}

/** A chat around the studio, in the colors of none in particular. */
async function takeChat(t: TestContext, { url }: StudioService, take: Take): Promise<void> {
  const host = await startAppHost(t, url)
  const args = { prompt: 'a sailing boat on the sea' }
  const result = await host.callTool('generate_image', { ...args, return: 'preview' })
  const { page } = await openPage(t, { viewport: { width: 800, height: 700 } })
  const { frame } = await host.open(page, 'claude', { input: args, result, width: 720 })
  await page.addStyleTag({
    content: `body { font: 16px system-ui, sans-serif; padding: 24px 40px; background: #fafaf7 }
      iframe { border: 1px solid #d6d5ce; border-radius: 12px; background: #fff }
      .person { margin-left: auto; width: fit-content; padding: 10px 16px; border-radius: 16px; background: #ecebe4 }`,
  })
  await page.evaluate(
    `document.body.insertAdjacentHTML('afterbegin', '<p class="person">Draw a sailing boat on the sea.</p><p>Here it is. You can paint on it where it should change.</p>')`,
  )
  const person = personAt({ page, view: frame })
  await person.heading(person.texts.viewer.title)
  await person.settled()
  await take(page, 'studio-chat')
}

/** With as many colors as fit. */
async function smallPng(png: Buffer): Promise<Buffer> {
  for (const colours of [256, 128, 64, 32]) {
    const small = await sharp(png).png({ palette: true, colours, effort: 10, dither: 0.6 }).toBuffer()
    if (small.length <= MAX_SCREENSHOT_BYTES) return small
  }
  throw new Error('a screenshot is too large')
}

if (import.meta.main) test('screenshots', (t: TestContext) => takeScreenshots(t, docsImages))
