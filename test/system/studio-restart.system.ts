import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { textsOf } from '../../web/texts/texts.ts'
import { freePorts } from '../support/free-ports.ts'
import { startProcess } from '../support/process.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { openPage } from '../support/system/browser.ts'
import { personAt } from '../support/system/studio-person.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** The service stops and starts again while a person works in the studio: the page says what happened, and no image is paid twice. */

const { en: texts } = textsOf
const eagerReplica = join(import.meta.dirname, '../support/system/eager-replica.ts')

test('while the service is away the page keeps the call, and what was at Azure is not sent again', async (t: TestContext) => {
  const { simulator, url: azure } = await startSimulator(t, { deployments: { 'gpt-image-2': 'gpt-image-2' } })
  const [port] = await freePorts(1)
  const environment = {
    AZURE_BASE_URL: azure,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    IMAGES_DIR: await temporaryFolder(t),
    MCP_SERVER_PORT: String(port),
  }
  // Its successor finds out soon that a process has ended.
  const start = () => startProcess(t, environment, [], { script: eagerReplica })
  const paidCalls = () => simulator.requests.filter(({ method }) => method === 'POST').length
  const first = await start()
  const { page } = await openPage(t)
  await page.goto(`${first.url}/studio`)
  const person = personAt({ page, view: page })
  await person.press(texts.app.generate, page.getByRole('navigation'))
  await page.getByLabel(texts.generate.prompt, { exact: true }).fill('a fox in a meadow')
  await person.settled()
  const submit = page.getByRole('button', { name: new RegExp(`^${texts.generate.submit}`) })
  const results = page.getByRole('region', { name: texts.generate.results })
  const alert = page.getByRole('main').getByRole('alert')

  first.child.kill('SIGTERM')
  await first.ended
  await submit.click()
  await alert.getByText(texts.app.progress.lost).waitFor()
  t.assert.equal(paidCalls(), 0)
  const second = await start()
  await person.press(texts.app.progress.resend)
  await results.waitFor()
  t.assert.equal(paidCalls(), 1)

  const release = simulator.hold()
  await page.getByLabel(texts.generate.prompt, { exact: true }).fill('an owl in the snow')
  await person.press(texts.generate.again)
  await waitFor('Azure to work', () => paidCalls() === 2)
  second.child.kill('SIGKILL')
  await second.ended
  await page.getByText(texts.app.progress.offline).waitFor()
  release()
  await start()
  await alert.getByText(/may have been generated and billed/).waitFor({ timeout: 60_000 })
  t.assert.equal(paidCalls(), 2)
  await person.generate('an owl in the snow')
  t.assert.equal(paidCalls(), 3, 'only what the person submits again')
})
