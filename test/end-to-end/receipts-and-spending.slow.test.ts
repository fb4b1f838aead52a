import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createLedgerStore } from '../../services/calls/ledger/ledger-store.ts'
import type { Receipt } from '../../services/calls/ledger/receipt.ts'
import type { FaultName } from '../../simulator/fault.ts'
import { pixelPng } from '../support/fake-azure.ts'
import { seed } from '../support/property.ts'
import { callTool, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const names = ['ann', 'ben']
const as = (name: string) => ({ 'x-api-key': `key-of-${name}` })
const rules = [
  { name: 'all', usd_per_month: 1_000, images_per_day: 10_000 },
  { name: 'ann', callers: ['ann'], usd_per_day: 0.12, price_unknown_usd: 0.5 },
  { name: 'few', callers: ['ben'], images_per_day: 12 },
]
const faults: (FaultName | undefined)[] = [
  undefined,
  undefined,
  undefined,
  'content-filter',
  'reset',
  'reset-early',
  'unavailable',
  'no-image',
  'not-an-image',
  'bad-gateway-html',
  'half-body',
  'url',
]

const callArbitrary = fc.record({
  name: fc.constantFrom(...names),
  fault: fc.constantFrom(...faults),
  quality: fc.constantFrom('low', 'medium', 'auto'),
  n: fc.integer({ min: 1, max: 3 }),
  isEdit: fc.boolean(),
  isJob: fc.boolean(),
  isDry: fc.boolean(),
  key: fc.constantFrom(undefined, undefined, 'one', 'two'),
})

test('after any calls, what rules have spent is the sum of the receipts that name them', async (t: TestContext) => {
  const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
  await writeFile(POLICY_FILE, JSON.stringify({ rules }))
  const MCP_API_KEYS = names.map((name) => `${name}:key-of-${name}`).join(',')
  const variables = { MCP_API_KEYS, AZURE_DEPLOYMENT_NAME: 'gpt-image-2', POLICY_FILE, TOOL_CALLS_PER_MINUTE: '0' }
  const { app, url } = await startService(t, variables)
  const { stateDatabase } = app
  if (stateDatabase === undefined) throw new Error('no state database')
  const store = createLedgerStore(stateDatabase)
  const calls = fc.sample(callArbitrary, { seed, numRuns: 80 })
  let next = 0
  async function work() {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
      const { name, fault, quality, n, isEdit, isJob, isDry, key } = call
      const prompt = `A boat${fault === undefined ? '' : ` fault:${fault}`}`
      const args = {
        ...{ prompt, quality, n, dry_run: isDry && isJob },
        ...(isJob ? { job: true } : {}),
        ...(key === undefined ? {} : { idempotency_key: `${key}-${prompt}-${quality}-${n}-${isEdit}` }),
        ...(isEdit ? { image_data_base64: pixelPng } : {}),
      }
      await callTool(url, isEdit ? 'edit_image' : 'generate_image', args, as(name)).catch(() => {})
    }
  }
  await Promise.all(Array.from({ length: 6 }, work))
  const read = async () => {
    const receipts: Receipt[] = []
    for await (const page of store.receipts({ since: 0, until: Number.MAX_SAFE_INTEGER })) receipts.push(...page)
    return receipts
  }
  const isIdle = async () =>
    Number((await app.jobs?.store.count())?.byState.queued) === 0 && app.calls.inFlight.count === 0
  const hasEnded = async () => (await isIdle()) && (await read()).every(({ outcome }) => outcome !== 'pending')
  await waitFor('the end of every call', hasEnded)
  const receipts = await read()
  const [day, month] = [new Date().toISOString().slice(0, 10), new Date().toISOString().slice(0, 7)]
  const spending = [...(await store.spending(day)), ...(await store.spending(month))]
  t.diagnostic(JSON.stringify(spending))
  t.diagnostic(`${receipts.length} receipts, ${receipts.filter(({ outcome }) => outcome === 'unknown').length} unknown`)
  for (const { rule, micros, images, reservedMicros, reservedImages } of spending) {
    const own = receipts.filter(({ facts }) => facts.rules.includes(rule))
    const sum = own.reduce((all, receipt) => all + (receipt.micros ?? 0), 0)
    const count = own.reduce((all, { facts }) => all + facts.count, 0)
    t.assert.deepStrictEqual(
      { rule, micros, images, reservedMicros, reservedImages },
      { rule, micros: sum, images: count, reservedMicros: 0, reservedImages: 0 },
    )
  }
})
