import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { PolicyRule } from '../../schemas/policy.ts'
import { textsOf } from '../../web/texts/texts.ts'
import { accessibilityProblems } from '../support/system/accessibility.ts'
import { openPage } from '../support/system/browser.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** What stands between a person and a bill: the question about the price, budgets and rate limits. */

const { en: texts } = textsOf

/** The screen for a new image, with a prompt. */
async function open(t: TestContext, environment: Record<string, string>) {
  const service = await startStudio(t, environment)
  const { page, problems } = await openPage(t)
  await page.goto(`${service.url}/studio`)
  const person = personAt({ page, view: page })
  await person.press(texts.app.generate, page.getByRole('navigation'))
  await page.getByLabel(texts.generate.prompt, { exact: true }).fill('a fox in a meadow')
  const submit = page.getByRole('button', { name: new RegExp(`^${texts.generate.submit}`) })
  const results = page.getByRole('region', { name: texts.generate.results })
  const alert = page.getByRole('main').getByRole('alert')
  return { ...service, page, problems, person, submit, results, alert }
}

async function policyFile(t: TestContext, rule: PolicyRule): Promise<{ POLICY_FILE: string }> {
  const file = join(await temporaryFolder(t), 'policy.json')
  await writeFile(file, JSON.stringify({ rules: [rule] }))
  return { POLICY_FILE: file }
}

test('a price that has to be confirmed is asked about in a dialog; only who agrees pays, once', async (t: TestContext) => {
  const environment = await policyFile(t, { name: 'careful', confirm_above_usd: 0.0001 })
  const { page, problems, person, submit, results, paidCalls } = await open(t, environment)
  const dialog = page.getByRole('dialog', { name: texts.app.cost.title })
  const leave: (() => Promise<void>)[] = [
    () => page.keyboard.press('Escape'),
    () => person.press(texts.app.cancel, dialog),
  ]
  for (const decline of leave) {
    await submit.click()
    await dialog.getByText(/This call costs about US\$0\.\d+\./).waitFor()
    t.assert.deepEqual(await accessibilityProblems(page), [])
    for (const key of ['', 'Tab', 'Tab', 'Tab']) {
      if (key !== '') await page.keyboard.press(key)
      // Chromium takes its own bar of addresses into the round, where the page has no focus.
      t.assert.ok(
        await page.evaluate(`document.activeElement === document.body || !!document.activeElement.closest('dialog')`),
      )
    }
    await dialog.getByRole('button').first().focus()
    await decline()
    await dialog.waitFor({ state: 'detached' })
    t.assert.ok(await submit.evaluate((button) => button.matches(':focus')), 'the focus returns')
    t.assert.equal(paidCalls(), 0)
  }
  await submit.click()
  // A second click comes before the dialog has closed.
  await dialog.getByRole('button', { name: texts.app.cost.agree }).dblclick()
  await results.waitFor()
  t.assert.equal(paidCalls(), 1)
  t.assert.deepEqual(problems, [])
})

test('what a budget does not allow is named before and after it is tried, and nothing is sent to Azure', async (t: TestContext) => {
  const environment = await policyFile(t, { name: 'small-team', usd_per_day: 0.0001 })
  const { page, submit, alert, paidCalls } = await open(t, environment)
  await page.getByRole('status').filter({ hasText: 'small-team' }).first().waitFor()
  await submit.click()
  await alert.filter({ hasText: 'small-team' }).waitFor()
  t.diagnostic(await alert.innerText())
  t.assert.equal(await alert.getByRole('button').count(), 0, 'the same again would be rejected again')
  t.assert.equal(paidCalls(), 0)
})

const LIMIT = 200

test('who calls too often reads when to try again, and loses neither the call nor a job that is running', async (t: TestContext) => {
  const realNow = performance.now.bind(performance)
  let passed = 0
  t.mock.method(performance, 'now', () => realNow() + passed)
  const studio = await open(t, { RATE_LIMIT_PER_MINUTE: String(LIMIT) })
  const { page, person, url, submit, alert, results, paidCalls } = studio
  const nextMinute = () => {
    passed += 61_000
  }
  const ping = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  }
  const exhaust = async () => {
    for (let count = 0; (await fetch(url, ping)).status !== 429; count++) t.assert.ok(count < LIMIT)
  }
  await person.settled()
  await exhaust()
  await submit.click()
  await alert.getByText(/^Too many calls\. Try again in \d\d? s\.$/).waitFor()
  t.assert.equal(paidCalls(), 0)
  nextMinute()
  const release = studio.simulator.hold()
  await submit.click()
  await waitFor('Azure to work', () => paidCalls() === 1)
  await exhaust()
  await page.getByText(texts.app.progress.offline).waitFor()
  nextMinute()
  release()
  await results.waitFor()
  t.assert.equal(paidCalls(), 1)
})
