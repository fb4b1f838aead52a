import { type TestContext, test } from 'node:test'
import { textsOf } from '../../web/texts/texts.ts'
import { accessibilityProblems } from '../support/system/accessibility.ts'
import { type AppHost, type OpenedApp, startAppHost } from '../support/system/app-host/app-host.ts'
import { type ProfileName, profiles } from '../support/system/app-host/profiles.ts'
import { openPage } from '../support/system/browser.ts'
import { startInspectorWeb } from '../support/system/inspector-web.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'

/** The studio in chats: a chat of two origins under the policies of known hosts, and MCP Inspector's own web client. */

const { en: texts, zh } = textsOf
const fox = { prompt: 'a fox in a meadow' }

/** Calls of an app that were paid for, as the host passed them on. */
const paidBy = ({ forwarded }: AppHost) => forwarded.filter(({ args }) => args.job === true)

/** Paints, edits, compares: what the chat's image becomes. */
async function playRound(person: ReturnType<typeof personAt>): Promise<void> {
  await person.heading(texts.viewer.title)
  await person.openEditor()
  await person.paintByMouse([
    [0.4, 0.3],
    [0.6, 0.3],
  ])
  await person.edit('add a red balloon')
  await person.press(texts.editor.compare)
  await person.heading(texts.compare.title)
}

/** Inspector permits no icon; the page in a browser has an empty one. */
const isOfStudio = (line: string) => !line.includes("Loading the image 'data:,'")

for (const name of Object.keys(profiles).filter((each) => each !== 'bare') as ProfileName[]) {
  test(`in a chat like ${name} an image is painted on, edited and compared, and each image is paid once`, async (t: TestContext) => {
    const service = await startStudio(t)
    const host = await startAppHost(t, service.url)
    const result = await host.callTool('generate_image', { ...fox, return: 'preview' })
    const { page, problems, requests } = await openPage(t, { viewport: { width: 900, height: 800 } })
    const app = await host.open(page, name, { input: fox, result, context: { theme: 'light', locale: 'en-US' } })
    const person = personAt({ page, view: app.frame })
    await playRound(person)
    t.assert.equal(service.paidCalls(), 2, 'the image of the chat, and the edit')
    t.assert.equal(paidBy(host).length, 1)
    t.assert.ok(service.lastEdit().mask)
    await checkContext(t, name, app)
    const heights = (await app.events('size')).map((size) => Number(Object(size).height))
    t.assert.ok(Math.max(...heights) <= 500, `${Math.max(...heights)} pixels high`)
    t.assert.equal(await app.frame.locator('img').count(), 0)
    // Shown again, it begins with the image of the call.
    const again = personAt({ page, view: await app.remount() })
    await again.heading(texts.viewer.title)
    t.assert.equal(service.paidCalls(), 2)
    t.assert.deepEqual(problems.filter(isOfStudio), [])
    const origins = new Set(requests.map((each) => new URL(each).origin))
    origins.delete('null')
    t.assert.equal(origins.size, 2, `only the chat and its frame: ${[...origins]}`)
  })
}

/** Where the host takes it, the chat's model knows which image is meant. */
async function checkContext(t: TestContext, name: ProfileName, app: OpenedApp): Promise<void> {
  const contexts = await app.events('context')
  t.assert.equal(contexts.length > 0, 'updateModelContext' in profiles[name].capabilities)
  if (contexts.length > 0) t.assert.match(JSON.stringify(contexts.at(-1)), /img_[0-9a-z]{26}/)
}

test('a host that passes no calls on is named, with what to do', async (t: TestContext) => {
  const { url } = await startStudio(t)
  const host = await startAppHost(t, url)
  const { page } = await openPage(t)
  const { frame } = await host.open(page, 'bare', { context: { locale: 'zh-Hans-CN' } })
  await frame.getByText(zh.app.errors.unsupported).waitFor()
})

for (const [theme, width] of [
  ['dark', 340],
  ['light', 1600],
] as const) {
  test(`in a ${theme} chat of ${width} pixels the studio takes its theme and language, and can be used with a screen reader`, async (t: TestContext) => {
    const service = await startStudio(t)
    const host = await startAppHost(t, service.url)
    const result = await host.callTool('generate_image', { ...fox, return: 'preview' })
    const { page } = await openPage(t, { viewport: { width: width + 20, height: 900 } })
    const { frame } = await host.open(page, 'claude', {
      input: fox,
      result,
      width,
      context: { theme, locale: 'zh-CN' },
    })
    const person = personAt({ page, view: frame }, 'zh')
    await person.heading(zh.viewer.title)
    await person.settled()
    t.assert.deepEqual(await accessibilityProblems(frame), [])
    await person.openEditor()
    await person.settled()
    t.assert.deepEqual(await accessibilityProblems(frame), [])
    t.assert.equal(await frame.evaluate('document.documentElement.dataset.theme'), theme)
    t.assert.ok(Number(await frame.evaluate('document.documentElement.scrollWidth')) <= width)
  })
}

test("in MCP Inspector's web client the image of a call is painted on, edited and compared", async (t: TestContext) => {
  const service = await startStudio(t)
  const inspector = await startInspectorWeb(t, service.url)
  const { page } = await openPage(t, { viewport: { width: 1300, height: 1000 } })
  const frame = await inspector.openApp(page, 'generate_image', fox)
  await playRound(personAt({ page, view: frame }))
  t.assert.equal(service.paidCalls(), 2)
  t.assert.ok(service.lastEdit().mask)
})
