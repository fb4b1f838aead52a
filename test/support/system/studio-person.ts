import type { Frame, Locator, Page } from 'playwright-core'
import { textsOf } from '../../../web/texts/texts.ts'
import { waitFor } from '../wait-for.ts'

/** Where the studio is: a page, or the frame of a chat. */
export interface StudioView {
  /** For mouse, keyboard and touch. */
  page: Page
  view: Page | Frame
}

/** Without a request for so long, the studio has all that it wants. */
const QUIET_MS = 700

export type Point = readonly [x: number, y: number]

/** What a person does in the studio, by what they read and press. */
export function personAt({ page, view }: StudioView, language: keyof typeof textsOf = 'en') {
  const texts = textsOf[language]
  let lastRequest = performance.now()
  const onRequest = () => {
    lastRequest = performance.now()
  }
  page.on('request', onRequest).on('requestfinished', onRequest).on('requestfailed', onRequest)
  const press = (name: string | RegExp, within: Page | Frame | Locator = view) =>
    within.getByRole('button', { name, exact: typeof name === 'string' }).click()
  const heading = (name: string) => view.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  const stage = view.getByRole('application', { name: texts.editor.stage })

  return {
    page,
    view,
    texts,
    press,
    heading,
    stage,
    /** From the first screen, or from any. */
    async generate(prompt: string): Promise<void> {
      await press(texts.app.generate, view.getByRole('navigation'))
      await heading(texts.generate.title)
      await view.getByLabel(texts.generate.prompt, { exact: true }).fill(prompt)
      await press(new RegExp(`^${texts.generate.submit}`))
      await view.getByRole('region', { name: texts.generate.results }).waitFor()
    },
    /** Opens the newest image of the gallery with these words in its prompt. */
    async openImage(words: string): Promise<void> {
      await press(texts.app.gallery, view.getByRole('navigation'))
      await heading(texts.gallery.title)
      await view.getByRole('list', { name: texts.gallery.images }).getByRole('button', { name: words }).first().click()
      await heading(texts.viewer.title)
    },
    /** Until nothing is loading, and so every image that is on the screen is drawn. */
    async settled(): Promise<void> {
      const isQuiet = () => performance.now() - lastRequest > QUIET_MS
      await waitFor(
        'nothing to be loaded',
        async () => isQuiet() && !(await view.locator('[aria-busy="true"]').count()),
      )
    },
    /** From the viewer; until the image can be painted on. */
    async openEditor(): Promise<void> {
      await press(texts.viewer.edit)
      await heading(texts.editor.title)
      await stage.waitFor()
      await view.getByText(texts.editor.loadingImage).waitFor({ state: 'detached' })
    },
    /** Sends the edit, and waits for its image. */
    async edit(prompt: string): Promise<void> {
      await view.getByLabel(texts.editor.prompt).fill(prompt)
      await press(new RegExp(`^${texts.editor.submit}`))
      await view.getByRole('heading', { name: texts.editor.done(1) }).waitFor()
    },
    /** Along a path; places are shares of the stage's width and height. */
    async paintByMouse(path: readonly Point[]): Promise<void> {
      const places = await placesOn(stage, path)
      for (const [index, { x, y }] of places.entries()) {
        await page.mouse.move(x, y, { steps: index === 0 ? 1 : 10 })
        if (index === 0) await page.mouse.down()
      }
      await page.mouse.up()
    },
    async paintByTouch(path: readonly Point[]): Promise<void> {
      const client = await page.context().newCDPSession(page)
      const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', touchPoints: { x: number; y: number }[]) =>
        client.send('Input.dispatchTouchEvent', { type, touchPoints })
      for (const [index, place] of (await placesOn(stage, path)).entries()) {
        await send(index === 0 ? 'touchStart' : 'touchMove', [place])
      }
      await send('touchEnd', [])
      await client.detach()
    },
    /** From the middle of the image. @param keys arrows, with `Shift+` for long steps */
    async paintByKeyboard(keys: readonly string[]): Promise<void> {
      await stage.focus()
      await page.keyboard.press('Enter')
      for (const key of keys) await page.keyboard.press(key)
      await page.keyboard.press('Enter')
    },
  }
}

async function placesOn(stage: Locator, path: readonly Point[]): Promise<{ x: number; y: number }[]> {
  await stage.scrollIntoViewIfNeeded()
  const box = await stage.boundingBox()
  if (box === null) throw new Error('the stage is not shown')
  return path.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height }))
}
