import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { runReceiptsCommand } from '../../services/calls/ledger/command.ts'
import { createLedgerStore } from '../../services/calls/ledger/ledger-store.ts'
import type { BuiltApp } from '../support/app.ts'
import { callTool, startService } from '../support/service.ts'
import { waitFor } from '../support/wait-for.ts'

/** What the command prints about the receipts of an app. */
async function receipts({ app }: Pick<BuiltApp, 'app'>, ...args: string[]): Promise<string> {
  const output = new PassThrough()
  const openStore = async () => app.stateDatabase && createLedgerStore(app.stateDatabase)
  const code = await runReceiptsCommand({ args: ['--since', '1h', ...args], openStore, output, errors: output })
  output.end()
  return `${code === 0 ? '' : `exit ${code}\n`}${await text(output)}`
}

async function jsonReceipts(service: Pick<BuiltApp, 'app'>, count: number) {
  const isThere = async () => (await receipts(service, '--format', 'jsonl')).split('\n').length > count || undefined
  await waitFor(`${count} receipts`, isThere)
  return (await receipts(service, '--format', 'jsonl'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const keys = { MCP_API_KEYS: 'ann:key-of-ann,ben:key-of-ben' }
const ann = { 'x-api-key': 'key-of-ann' }
const ben = { 'x-api-key': 'key-of-ben' }
const deployment = 'FLUX.2-pro'
const environment = { ...keys, AZURE_DEPLOYMENT_NAME: deployment }

test('every paid call has a receipt with its price, its images and what Azure called it', async (t: TestContext) => {
  const service = await startService(t, environment)
  const { content, text: shown } = await callTool(
    service.url,
    'generate_image',
    { prompt: 'a red fox', size: '512x512' },
    ann,
  )
  await callTool(service.url, 'find_images', {}, ann)
  const [receipt, ...others] = await jsonReceipts(service, 1)
  t.assert.deepEqual(others, [])
  const [id] = /img_[0-9a-z]{26}/.exec(shown) ?? []
  t.assert.partialDeepStrictEqual(receipt, {
    caller: 'key:ann',
    door: 'mcp',
    tool: 'generate_image',
    deployment,
    attempts: 1,
    outcome: 'ok',
    images: 1,
    cost_basis: 'list',
    image_ids: [id],
    rules: [],
  })
  t.assert.ok(receipt.cost_usd > 0)
  t.assert.match(receipt.image_sha256[0], /^[0-9a-f]{64}$/)
  t.assert.match(receipt.prompt_sha256, /^[0-9a-f]{64}$/)
  t.assert.ok(Math.abs(Date.parse(receipt.time) - Date.now()) < 60_000)
  t.assert.ok(!JSON.stringify(receipt).includes('red fox'), 'the prompt is stored only on request')
  const lines = service.logs.entries.filter(({ msg }) => msg === 'receipt')
  t.assert.equal(lines.length, 1)
  t.assert.partialDeepStrictEqual(lines[0], { receipt: receipt.receipt, caller: 'key:ann', costUsd: receipt.cost_usd })
  t.assert.ok(!JSON.stringify(content).includes('azureRequestId'), 'clients get nothing of it')
})

test('a rejected request is an attempt, and a call that fails without an image has no receipt', async (t: TestContext) => {
  const service = await startService(t, environment)
  service.simulator.faults.next(1, { name: 'content-filter' })
  t.assert.equal((await callTool(service.url, 'generate_image', { prompt: 'x' }, ann)).isError, true)
  service.simulator.faults.next(1, { name: 'unavailable' })
  await callTool(service.url, 'generate_image', { prompt: 'x' }, ann)
  const all = await jsonReceipts(service, 1)
  t.assert.deepEqual([all.length, all[0].attempts], [1, 2])
})

test('a call whose outcome is unknown has a receipt that says so', async (t: TestContext) => {
  const service = await startService(t, environment)
  service.simulator.faults.next(1, { name: 'reset' })
  const { isError } = await callTool(service.url, 'generate_image', { prompt: 'x' }, ann)
  t.assert.equal(isError, true)
  const [receipt] = await jsonReceipts(service, 1)
  t.assert.partialDeepStrictEqual(receipt, { outcome: 'unknown', deployment, images: 1, image_ids: [] })
})

test('prompts are stored on request, and one that looks like a formula is none in a spreadsheet', async (t: TestContext) => {
  const service = await startService(t, { ...environment, RECEIPT_PROMPTS: 'true' })
  const formulas = ['=HYPERLINK("http://x.example","click, me")', '+1', '@SUM(A1)', '\t=1', 'a,"b"\nc']
  for (const prompt of formulas) await callTool(service.url, 'generate_image', { prompt }, ann)
  const all = await jsonReceipts(service, formulas.length)
  t.assert.deepEqual(all.map(({ prompt }) => prompt).toSorted(), formulas.toSorted())
  const csv = await receipts(service)
  t.assert.ok(csv.startsWith('time,receipt,call_id,caller,'))
  t.assert.ok(csv.includes(`,"'=HYPERLINK(""http://x.example"",""click, me"")"\r\n`))
  t.assert.ok(csv.includes(",'+1\r\n") && csv.includes(",'@SUM(A1)\r\n") && csv.includes('"a,""b""\nc"\r\n'))
  t.assert.ok(!service.logs.text.includes('HYPERLINK'))
})

test('receipts are chosen by time and caller, and summed', async (t: TestContext) => {
  const service = await startService(t, environment)
  for (const headers of [ann, ann, ben]) await callTool(service.url, 'generate_image', { prompt: 'x' }, headers)
  const [{ cost_usd: each }] = await jsonReceipts(service, 3)
  const sum = (...args: string[]) => receipts(service, '--sum', '--format', 'jsonl', ...args).then(JSON.parse)
  const expected = { receipts: 2, images: 2, unpriced: 0, unknown: 0, cost_usd: Number((each * 2).toFixed(6)) }
  t.assert.deepEqual(await sum('--caller', 'key:ann'), expected)
  t.assert.equal((await sum('--until', '1m')).receipts, 0)
  t.assert.match(await receipts(service, '--since', 'yesterday'), /^exit 2\n.*"--since" must be an age/)
  t.assert.match(await receipts(service, '--format', 'xml'), /^exit 2\nUsage: receipts/)
})

test('the receipt of a job names how its caller was connected', async (t: TestContext) => {
  const service = await startService(t, environment)
  await callTool(service.url, 'generate_image', { prompt: 'x', job: true }, ann)
  t.assert.partialDeepStrictEqual((await jsonReceipts(service, 1))[0], {
    caller: 'key:ann',
    door: 'mcp',
    outcome: 'ok',
  })
})

test('a repetition that is paid once has one receipt', async (t: TestContext) => {
  const service = await startService(t, environment)
  for (let call = 0; call < 3; call++) {
    await callTool(service.url, 'generate_image', { prompt: 'x', idempotency_key: 'k1' }, ann)
  }
  await callTool(service.url, 'generate_image', { prompt: 'y' }, ann)
  t.assert.equal((await jsonReceipts(service, 2)).length, 2)
})

test('without a library receipts are in the log', async (t: TestContext) => {
  const service = await startService(t, { ...environment, LIBRARY: 'off' })
  await callTool(service.url, 'generate_image', { prompt: 'x' }, ann)
  t.assert.equal(service.logs.entries.filter(({ msg }) => msg === 'receipt').length, 1)
  t.assert.match(await receipts(service), /^exit 1\nThere are no receipts/)
})
