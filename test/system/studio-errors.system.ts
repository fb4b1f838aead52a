import { type TestContext, test } from 'node:test'
import { textsOf } from '../../web/texts/texts.ts'
import { openPage } from '../support/system/browser.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'

/** What goes wrong is said in a sentence of the service or of the studio, and nothing is paid twice. */

const { en: texts } = textsOf

async function open(t: TestContext, url: string) {
  const { page } = await openPage(t)
  await page.goto(`${url}/studio`)
  const person = personAt({ page, view: page })
  const submit = async (prompt: string) => {
    await person.press(texts.app.generate, page.getByRole('navigation'))
    await page.getByLabel(texts.generate.prompt, { exact: true }).fill(prompt)
    await person.press(new RegExp(`^${texts.generate.submit}`))
  }
  return { page, person, submit }
}

test('an image that Azure filters, and a failure of Azure, are named in the page', async (t: TestContext) => {
  const { url } = await startStudio(t)
  const { page, submit } = await open(t, url)
  for (const [fault, sentence] of [
    ['content-filter', /content|filter|safety/i],
    ['server-error-html', /may have been generated|failed|try/i],
  ] as const) {
    await submit(`a fox fault:${fault}`)
    await page.getByRole('main').getByRole('alert').filter({ hasText: sentence }).waitFor()
  }
})

test('a connection that is lost after the call was sent costs nothing twice, and the image arrives', async (t: TestContext) => {
  const service = await startStudio(t)
  const { page, person, submit } = await open(t, service.url)
  await person.settled()
  let isLost = false
  await page.route('**/mcp', async (route) => {
    if (isLost || route.request().postDataJSON().params.arguments.job !== true) return route.continue()
    // The service gets the call; its response is lost.
    isLost = true
    await route.fetch()
    return route.abort('connectionreset')
  })
  await submit('a fox in a meadow')
  await page.getByRole('region', { name: texts.generate.results }).waitFor()
  t.assert.equal(isLost, true)
  t.assert.equal(service.paidCalls(), 1)
})

test('a key that is not accepted any more is asked for again, and the call goes on', async (t: TestContext) => {
  const service = await startStudio(t, { MCP_API_KEYS: 'ann:key-of-ann-0123456789' })
  const { page, person, submit } = await open(t, service.url)
  const enter = async () => {
    await page.getByRole('textbox', { name: texts.app.key.label }).fill('key-of-ann-0123456789')
    await person.press(texts.app.key.enter)
  }
  await enter()
  await person.settled()
  let hasFailed = false
  await page.route('**/mcp', async (route) => {
    if (hasFailed || route.request().postDataJSON().params.arguments.job !== true) return route.continue()
    hasFailed = true
    return route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer wrong' } })
  })
  await submit('a fox in a meadow')
  await page.getByRole('dialog').getByText(texts.app.key.wrong).waitFor()
  await enter()
  await page.getByRole('region', { name: texts.generate.results }).waitFor()
  t.assert.equal(service.paidCalls(), 1)
})

test('an image that was deleted meanwhile is said to be gone', async (t: TestContext) => {
  const service = await startStudio(t)
  const id = await service.generate({ prompt: 'a fox in a meadow' })
  const { page, person } = await open(t, service.url)
  await person.settled()
  await service.remove(id)
  await page.getByRole('list', { name: texts.gallery.images }).getByRole('button', { name: 'a fox' }).click()
  await page.getByText(texts.viewer.missing).or(page.getByText(texts.app.imageFailed)).first().waitFor()
})
