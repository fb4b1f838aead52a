import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { textsOf } from '../../web/texts/texts.ts'
import { openPage } from '../support/system/browser.ts'
import { changedOutside, changedPixels, compareMask, MARKER, seenOn } from '../support/system/seen-mask.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'

/** What a person sees painted is the mask that Azure gets, and nothing outside of it changes. */

const { en: texts } = textsOf
type Person = ReturnType<typeof personAt>

const size = { width: 1024, height: 768 }

/** Each way in which a person paints; places are shares of the stage. */
const ways: Record<string, (person: Person) => Promise<void>> = {
  mouse: (person) =>
    person.paintByMouse([
      [0.35, 0.3],
      [0.6, 0.35],
      [0.45, 0.6],
    ]),
  touch: (person) =>
    person.paintByTouch([
      [0.4, 0.35],
      [0.5, 0.5],
      [0.6, 0.35],
    ]),
  keyboard: (person) =>
    person.paintByKeyboard(['Shift+ArrowRight', 'Shift+ArrowDown', 'ArrowDown', 'Shift+ArrowLeft', 'ArrowLeft']),
  'a rectangle by numbers': async ({ view, press }) => {
    await view.getByText(texts.editor.byNumbers).click()
    for (const [name, value] of [
      [texts.editor.x, 100],
      [texts.editor.y, 50],
      [texts.editor.width, 333],
      [texts.editor.height, 222],
    ] as const) {
      await view.getByRole('spinbutton', { name, exact: true }).fill(String(value))
    }
    await press(texts.editor.addRectangle)
  },
  'brush, eraser, undo and inversion': async (person) => {
    await person.paintByMouse([
      [0.3, 0.5],
      [0.65, 0.5],
    ])
    await person.press(texts.editor.eraser)
    await person.paintByMouse([
      [0.48, 0.3],
      [0.48, 0.7],
    ])
    await person.press(texts.editor.brush)
    await person.paintByMouse([[0.55, 0.25]])
    await person.press(texts.editor.undo)
    await person.press(texts.editor.invert)
  },
}

/** Away from the stage, with nothing on it but image and mask. */
async function lookAt(page: Page, { stage }: Person) {
  await page.mouse.move(1, 1)
  await page.evaluate(
    `document.activeElement.blur(); for (const bar of document.querySelectorAll('.mask-zoom')) bar.style.visibility = 'hidden'`,
  )
  return seenOn(stage)
}

/** An image of one color in the editor. */
async function openImage(t: TestContext) {
  const service = await startStudio(t)
  const original = await sharp({ create: { ...size, channels: 3, background: MARKER } })
    .png()
    .toBuffer()
  await service.upload(original)
  const { page, problems } = await openPage(t, { hasTouch: true, viewport: { width: 1280, height: 800 } })
  await page.goto(`${service.url}/studio`)
  const person = personAt({ page, view: page })
  await person.openImage(texts.gallery.noPrompt)
  await person.openEditor()
  await person.settled()
  return { service, original, page, person, problems }
}

for (const [name, paint] of Object.entries(ways)) {
  test(`what is painted by ${name} is the mask that Azure gets, and outside of it no pixel changes`, async (t: TestContext) => {
    const { service, original, page, person, problems } = await openImage(t)
    const before = await lookAt(page, person)
    await paint(person)
    const after = await lookAt(page, person)
    await person.edit('add a red balloon')
    const { mask, prompt } = service.lastEdit()
    t.assert.equal(prompt, 'add a red balloon')
    t.assert.ok(mask)
    const { painted, wrong } = await compareMask(before, after, mask)
    t.diagnostic(`${painted} pixels of the screen are painted, ${wrong} differ from the mask away from its edges`)
    t.assert.ok(painted > 1000, `${painted} painted`)
    t.assert.equal(wrong, 0)
    const result = await service.newestImage()
    const { outside, changed } = await changedOutside(original, result, mask)
    t.assert.ok(outside > 10_000)
    t.assert.equal(changed, 0)
    t.assert.ok(!(await isSame(original, result)), 'inside, something has changed')
    t.assert.equal(service.paidCalls(), 1)
    t.assert.deepEqual(problems, [])
  })
}

async function isSame(one: Buffer, other: Buffer): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((each) => sharp(each).removeAlpha().raw().toBuffer()))
  return a !== undefined && b?.equals(a) === true
}

test('a model without masks gets none; what was painted is changed, and outside of it no pixel', async (t: TestContext) => {
  const { service, original, page, person, problems } = await openImage(t)
  await page.getByLabel(texts.editor.model, { exact: true }).selectOption('FLUX.2-pro')
  const before = await lookAt(page, person)
  await ways.mouse?.(person)
  const after = await lookAt(page, person)
  await page.getByText(texts.editor.hasNoMask).waitFor()
  const keepOutside = page.getByRole('checkbox', { name: texts.editor.keepOutside })
  t.assert.deepEqual([await keepOutside.isChecked(), await keepOutside.isDisabled()], [true, true])
  // Changes every pixel of an image of one color.
  await person.edit('make this black and white')
  t.assert.equal(service.lastEdit().mask, undefined)
  const changed = await changedPixels(original, await service.newestImage())
  const { painted, wrong } = await compareMask(before, after, changed)
  t.diagnostic(`${painted} pixels of the screen are painted, ${wrong} differ from what has changed away from its edges`)
  t.assert.ok(painted > 1000, `${painted} painted`)
  t.assert.equal(wrong, 0)
  t.assert.equal(service.paidCalls(), 1)
  t.assert.deepEqual(problems, [])
})
