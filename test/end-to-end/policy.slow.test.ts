import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { Environment } from '../../services/config/environment.ts'
import { buildApp } from '../support/app.ts'
import { accepted, greet, textOf } from '../support/handshake-client.ts'
import { idIn } from '../support/library-round.ts'
import { callTool, startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
const as = (name: string) => ({ 'x-api-key': `key-of-${name}-0123456789` })
const model = { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }
const prompt = 'A red boat on a calm lake'
const low = { prompt, quality: 'low' }

async function policyFile(t: TestContext, policy: object): Promise<string> {
  const path = join(await temporaryFolder(t), 'policy.json')
  await writeFile(path, JSON.stringify(policy))
  return path
}

async function start(t: TestContext, policy: object, environment: Environment = {}) {
  const path = await policyFile(t, policy)
  const variables = { ...keys, ...model, POLICY_FILE: path, ...environment }
  const service = await startService(t, variables, {}, { timing: { policyPollMs: 20 } })
  const rejections = async (rule: string) => {
    const { body } = await service.app.inject('/metrics')
    return Number(new RegExp(`^image_mcp_policy_rejections_total\\{rule="${rule}"\\} (\\d+)$`, 'm').exec(body)?.[1])
  }
  const generate = (args: object, name = 'ann') => callTool(service.url, 'generate_image', args, as(name))
  return { ...service, path, rejections, generate }
}

describe('a rule', () => {
  const limits = { name: 'team-a', callers: ['a*'], qualities: ['low'], max_pixels: 1_048_576, max_n: 2 }

  test('rejects by name what it does not allow, for its callers only; nothing is sent or counted as generated', async (t: TestContext) => {
    const { generate, simulator, rejections } = await start(t, { rules: [limits] }, { IMAGES_PER_DAY: '3' })
    for (const [args, problem] of [
      [{ prompt, quality: 'high' }, 'it allows only the quality low'],
      [{ prompt }, 'request the quality low, since the model would choose it'],
      [{ ...low, size: '2048x2048' }, 'request at most 1048576 pixels, such as 1024x1024, not 2048x2048'],
      [{ ...low, n: 3 }, 'n may be at most 2'],
    ] as const) {
      const { isError, text } = await generate(args)
      t.assert.strictEqual(text, `Rule team-a does not allow this call: ${problem}. Nothing was sent or billed.`)
      t.assert.ok(isError)
    }
    t.assert.strictEqual(simulator.requests.length, 0)
    t.assert.strictEqual(await rejections('team-a'), 4)
    t.assert.strictEqual((await generate({ ...low, n: 2 })).images.length, 2)
    t.assert.strictEqual((await generate(low)).images.length, 1)
    t.assert.strictEqual((await generate({ prompt, quality: 'medium' }, 'bob')).images.length, 1)
  })

  test('that is only observed rejects nothing, and is counted and logged as if it did', async (t: TestContext) => {
    const rules = [limits, { name: 'ask', confirm_above_usd: 0.001 }]
    const { generate, rejections, logs } = await start(t, { mode: 'observe', rules })
    const dry = await generate({ prompt, quality: 'medium', dry_run: true })
    t.assert.match(dry.text, /the call is allowed\. Rule team-a is only observed; it would reject it: it allows only/)
    t.assert.strictEqual(await rejections('team-a'), 0)
    t.assert.strictEqual((await generate({ prompt, quality: 'medium' })).images.length, 1)
    t.assert.deepStrictEqual([await rejections('team-a'), await rejections('ask')], [1, 1])
    const line = logs.entries.find(({ msg }) => msg === 'policy would have rejected a call')
    t.assert.partialDeepStrictEqual(line, {
      rule: 'team-a',
      caller: 'key:ann',
      problem: 'it allows only the quality low',
    })
  })

  test('holds for jobs when they are submitted', async (t: TestContext) => {
    const { generate, simulator } = await start(t, { rules: [limits] })
    t.assert.match((await generate({ prompt, quality: 'high', job: true })).text, /^Rule team-a does not allow/)
    t.assert.match((await generate({ ...low, job: true })).text, /Job id: job_/)
    await waitFor('the job', () => simulator.requests.length === 1)
  })

  test('that limits money and images counts its callers together, and names what resets when', async (t: TestContext) => {
    const rules = [
      { name: 'budget', callers: ['ann', 'bob'], usd_per_day: 0.0145 },
      { name: 'count', callers: ['ann'], images_per_day: 2 },
    ]
    const { generate, simulator, rejections } = await start(t, { rules })
    const dry = async () => (await generate({ ...low, n: 2, dry_run: true })).text
    t.assert.match(await dry(), /Rules: the call is allowed\.$/)
    t.assert.strictEqual((await generate(low)).images.length, 1)
    t.assert.match(
      await dry(),
      /Daily image quota of rule count exceeded; it resets at 00:00 UTC|budget of rule budget/,
    )
    t.assert.strictEqual((await generate(low, 'bob')).images.length, 1)
    await t.assert.rejects(
      generate(low, 'bob'),
      /The daily budget of rule budget \(\$0\.0145\) does not allow this call/,
    )
    t.assert.match((await generate({ ...low, dry_run: true }, 'bob')).text, /budget of rule budget/)
    t.assert.strictEqual(simulator.requests.length, 2)
    t.assert.strictEqual(await rejections('budget'), 1)
  })

  test('IMAGES_PER_DAY is the rule default, for each caller', async (t: TestContext) => {
    const { url, generate, rejections } = await start(t, { rules: [] }, { IMAGES_PER_DAY: '1' })
    t.assert.strictEqual((await generate(low)).images.length, 1)
    await t.assert.rejects(generate(low), /Daily image quota of rule default exceeded; it resets at 00:00 UTC/)
    t.assert.strictEqual((await generate(low, 'bob')).images.length, 1)
    t.assert.strictEqual(await rejections('default'), 1)
    const dry = await callTool(url, 'generate_image', { ...low, dry_run: true }, as('ann'))
    t.assert.match(dry.text, /Daily image quota of rule default exceeded/)
  })

  test('IMAGES_PER_DAY holds where the rules of the file are only observed, and a dry run says so', async (t: TestContext) => {
    const policy = { mode: 'observe', rules: [{ name: 'high', qualities: ['high'] }] }
    const { generate } = await start(t, policy, { IMAGES_PER_DAY: '1' })
    t.assert.strictEqual((await generate(low)).images.length, 1)
    const { text } = await generate({ ...low, dry_run: true })
    t.assert.match(
      text,
      /\nDaily image quota of rule default exceeded; .+\. Rule high is only observed; it would reject it/,
    )
    t.assert.doesNotMatch(text, /is allowed/)
  })
})

describe('the file of the policy', () => {
  test('is read again when it changes; an invalid one leaves the rules on, and is reported', async (t: TestContext) => {
    const { app, path, generate, logs } = await start(t, { rules: [{ name: 'one', max_n: 1 }] })
    const state = async () => (await app.inject('/ready')).json().policy
    t.assert.strictEqual(await state(), 'enforced')
    t.assert.match((await generate({ ...low, n: 2 })).text, /^Rule one does not allow/)

    const replace = async (text: string) => {
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
    }
    await replace('{"rules": [{"name": "two", "max_n": "many"}]}')
    await waitFor('the invalid file', async () => (await state()).includes('invalid'))
    t.assert.match((await app.inject('/metrics')).body, /^image_mcp_policy_file_valid 0$/m)
    t.assert.strictEqual((await app.inject('/ready')).statusCode, 200)
    t.assert.match((await generate({ ...low, n: 2 })).text, /^Rule one does not allow/)
    const line = logs.entries.find(({ msg }) => msg === 'policy file unusable, the previous rules hold')
    t.assert.deepStrictEqual(line?.problems, ['two: max_n must be a whole number from 1 to 10'])

    await replace('{"mode": "observe", "rules": [{"name": "two", "max_n": 1}]}')
    await waitFor('the valid file', async () => (await state()) === 'observed')
    t.assert.match((await app.inject('/metrics')).body, /^image_mcp_policy_file_valid 1$/m)
    t.assert.strictEqual((await generate({ ...low, n: 2 })).images.length, 2)
  })

  test('that is invalid at the start fails it with every mistake', async (t: TestContext) => {
    const path = await policyFile(t, { rules: [{ name: 'a', max_n: 0 }, { usd: 1 }] })
    await t.assert.rejects(buildApp(t, { POLICY_FILE: path }), (error: Error) => {
      t.assert.match(error.message, /^POLICY_FILE: a: max_n must be a whole number from 1 to 10$/m)
      t.assert.match(error.message, /^POLICY_FILE: rule-2: usd is unknown/m)
      return true
    })
    await t.assert.rejects(buildApp(t, { POLICY_FILE: `${path}.missing` }), /POLICY_FILE: cannot be read \(ENOENT\)/)
  })

  test('with rules that count needs the library, and with REDIS_URL a database for all replicas', async (t: TestContext) => {
    const POLICY_FILE = await policyFile(t, { rules: [{ name: 'a', usd_per_day: 1 }] })
    await t.assert.rejects(
      buildApp(t, { POLICY_FILE, LIBRARY: 'off' }),
      /POLICY_FILE: a counts money or images: set LIBRARY=on/,
    )
    const shared = { REDIS_URL: 'redis://127.0.0.1:9', SERVER_SECRET: 'a-secret-of-all-replicas' }
    await t.assert.rejects(buildApp(t, { POLICY_FILE, ...shared }), /with REDIS_URL set DATABASE_URL as well/)
  })

  test('adds arguments to the tools where its rules need them', async (t: TestContext) => {
    const { app, path } = await start(t, { rules: [{ max_n: 1 }] })
    const names = () =>
      Object.keys(Object(app.tools().find(({ name }) => name === 'generate_image')?.inputSchema).properties)
    t.assert.ok(names().includes('dry_run'))
    t.assert.ok(!names().includes('confirm_cost'))
    await writeFile(path, JSON.stringify({ rules: [{ confirm_above_usd: 1 }] }))
    await waitFor('the argument', () => names().includes('confirm_cost'))
    const plain = await buildApp(t, { STUDIO: 'off' })
    const [tool] = plain.app.tools()
    t.assert.ok(!Object.hasOwn(Object(tool?.inputSchema).properties, 'dry_run'))
  })
})

const costIn = (text: string) => /Cost: about US\$([\d.]+) at list price/.exec(text)?.[1]

describe('dry_run', () => {
  test('names the model, the size, the price that the result then has, and the wait, and sends nothing', async (t: TestContext) => {
    const { url, generate, simulator } = await start(t, { rules: [] }, { REPORT_COST: 'true' })
    const dry = await generate({ prompt, size: '2:1', quality: 'low', n: 2, dry_run: true, idempotency_key: 'k' })
    t.assert.deepStrictEqual([dry.isError, dry.images.length, simulator.requests.length], [false, 0, 0])
    const lines = dry.text.split('\n')
    t.assert.strictEqual(lines[0], 'Dry run: nothing was sent, and nothing is billed.')
    t.assert.match(String(lines[1]), /^Model: gpt-image-2, size: \d+x\d+, quality: low, images: 2\.$/)
    t.assert.match(String(lines[2]), /^Cost: about US\$0\.\d{4} at list price( \(at most US\$0\.\d{4}\))?\.$/)
    t.assert.deepStrictEqual(lines.slice(3), ['It would start at once.', 'Rules: the call is allowed.'])
    const paid = await generate({ prompt, size: '2:1', quality: 'low', n: 2, idempotency_key: 'k' })
    t.assert.strictEqual(costIn(dry.text), costIn(paid.text))
    const args = { prompt: 'at night', image_data_base64: paid.images[0]?.toString('base64') }
    const dryEdit = await callTool(url, 'edit_image', { ...args, dry_run: true }, as('ann'))
    const edit = await callTool(url, 'edit_image', args, as('ann'))
    t.assert.strictEqual(costIn(dryEdit.text), costIn(edit.text), dryEdit.text)
    t.assert.notStrictEqual(costIn(edit.text), undefined)
  })

  test('names the rule that would reject the call, and counts nothing', async (t: TestContext) => {
    const rules = [{ name: 'small', max_n: 1 }]
    const { generate, rejections } = await start(t, { rules })
    const { text, isError } = await generate({ ...low, n: 2, dry_run: true, job: true })
    t.assert.match(text, /\nRule small would reject it: n may be at most 1\.$/)
    t.assert.strictEqual(isError, false)
    t.assert.strictEqual(await rejections('small'), 0)
  })

  test('has the mistakes of the call itself', async (t: TestContext) => {
    const { url, generate } = await start(t, { rules: [] })
    t.assert.match((await generate({ prompt: ' ', dry_run: true })).text, /blank: describe the image/)
    const args = { prompt, image: 'img_00000000000000000000000000', dry_run: true }
    t.assert.match((await callTool(url, 'edit_image', args, as('ann'))).text, /There is no image/)
  })
})

describe('a price that has to be confirmed', () => {
  const policy = { rules: [{ name: 'careful', confirm_above_usd: 0.004 }] }
  const codeIn = (text: string) => /"confirm_cost": "(c_[0-9a-z]{12})"/.exec(text)?.[1]

  test('is confirmed by the code that the rejection names, once', async (t: TestContext) => {
    const { generate, simulator, rejections } = await start(t, policy)
    t.assert.match(
      (await generate({ ...low, dry_run: true })).text,
      /\nRule careful would reject it: it asks for confirmation above US\$0\.004\.$/,
    )
    const asked = await generate(low)
    t.assert.match(
      asked.text,
      /^This call costs about US\$0\.00\d\d at list price \(at most US\$0\.00\d\d\), and rule careful asks for confirmation above US\$0\.004\. Ask the user; to go on, send the same call with "confirm_cost": "c_\w{12}" within 10 minutes\. Nothing was sent or billed\.$/,
    )
    t.assert.deepStrictEqual([asked.isError, simulator.requests.length, await rejections('careful')], [true, 0, 1])
    const confirm_cost = codeIn(asked.text)
    for (const changed of [
      { ...low, n: 2 },
      { ...low, prompt: 'another' },
      { ...low, quality: 'high' },
    ]) {
      t.assert.notStrictEqual(codeIn((await generate({ ...changed, confirm_cost })).text), undefined)
    }
    t.assert.notStrictEqual(codeIn((await generate({ ...low, confirm_cost }, 'bob')).text), undefined)
    t.assert.strictEqual(simulator.requests.length, 0)
    const elsewhere = { return: 'preview', output_path: 'boat.png', tags: ['boat'], dry_run: false }
    const paid = await generate({ ...low, ...elsewhere, confirm_cost: ` ${confirm_cost?.toUpperCase()}` })
    t.assert.strictEqual(paid.images.length, 1, paid.text)
    const again = await generate({ ...low, confirm_cost })
    t.assert.notStrictEqual(codeIn(again.text), confirm_cost)
    t.assert.strictEqual(simulator.requests.length, 1)
    t.assert.strictEqual((await generate({ ...low, confirm_cost: codeIn(again.text) })).images.length, 1)
  })

  test('belongs to a call with an idempotency key, whose repetition needs no confirmation', async (t: TestContext) => {
    const { generate, simulator } = await start(t, policy)
    const keyed = { ...low, idempotency_key: 'one' }
    const confirm_cost = codeIn((await generate(keyed)).text)
    const paid = await generate({ ...keyed, confirm_cost })
    const again = await generate(keyed)
    t.assert.deepStrictEqual(again.images, paid.images)
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('is confirmed before a job exists, and its code is not lost where nothing was sent', async (t: TestContext) => {
    const { generate, simulator } = await start(t, policy)
    const confirm_cost = codeIn((await generate({ ...low, job: true })).text)
    simulator.faults.next(2, 'unauthorized')
    t.assert.match((await generate({ ...low, confirm_cost })).text, /rejected the credential/)
    simulator.faults.clear()
    t.assert.match((await generate({ ...low, job: true, confirm_cost })).text, /Job id: job_/)
    t.assert.ok((await generate({ ...low, job: true, confirm_cost })).isError)
  })

  test('is that of the image that "last" meant: the code is for no image that came since', async (t: TestContext) => {
    const { url, generate, simulator } = await start(t, policy)
    const edit = (args: object = {}) =>
      callTool(url, 'edit_image', { prompt: 'at night', quality: 'low', image: 'last', ...args }, as('ann'))
    const paid = async () => idIn((await generate({ ...low, confirm_cost: codeIn((await generate(low)).text) })).text)
    const first = await paid()
    const confirm_cost = codeIn((await edit()).text)
    const second = await paid()
    const sent = simulator.requests.length
    const asked = await edit({ confirm_cost })
    t.assert.match(asked.text, /asks for confirmation/)
    t.assert.strictEqual(simulator.requests.length, sent)
    t.assert.strictEqual((await edit({ confirm_cost, image: first })).images.length, 1)
    t.assert.notStrictEqual(first, second)
  })

  test('needs none below the limit', async (t: TestContext) => {
    const { generate } = await start(t, { rules: [{ confirm_above_usd: 1 }] })
    t.assert.strictEqual((await generate(low)).images.length, 1)
  })
})

describe('a client that can show forms', () => {
  const VERSION = '2026-07-28'
  const capabilities = { elicitation: {} }
  const policy = { rules: [{ name: 'careful', confirm_above_usd: 0.004 }] }

  async function build(t: TestContext) {
    const service = await start(t, policy)
    async function call(more: object = {}, args: object = low) {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': VERSION,
        'io.modelcontextprotocol/clientCapabilities': capabilities,
      }
      const response = await service.app.inject({
        method: 'POST',
        url: '/mcp',
        headers: {
          ...as('ann'),
          'mcp-protocol-version': VERSION,
          'mcp-method': 'tools/call',
          'mcp-name': 'generate_image',
        },
        payload: {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'generate_image', arguments: args, ...more, _meta },
        },
      })
      return response.json().result
    }
    return { ...service, call }
  }

  test('is asked with the price, and its response is used once', async (t: TestContext) => {
    const { call, simulator } = await build(t)
    const asked = await call()
    const { params } = asked.inputRequests.confirm
    t.assert.match(
      params.message,
      /^Generate an image with gpt-image-2\? It costs about US\$0\.00\d\d at list price \(at most US\$0\.00\d\d\); rule careful asks above US\$0\.004\.$/,
    )
    t.assert.deepStrictEqual(Object.keys(params.requestedSchema.properties), ['confirm'])
    t.assert.strictEqual(simulator.requests.length, 0)
    const { requestState } = asked
    const accepted = { requestState, inputResponses: { confirm: { action: 'accept', content: { confirm: true } } } }
    const paid = await call(accepted)
    t.assert.strictEqual(paid.content[0].text, 'Image successfully generated.')
    t.assert.strictEqual((await call(accepted)).resultType, 'input_required')
    t.assert.strictEqual(simulator.requests.length, 1)
  })

  test('that does not confirm gets a sentence, and nothing is sent', async (t: TestContext) => {
    const { call, simulator } = await build(t)
    const { requestState } = await call()
    for (const response of [
      { action: 'decline' },
      { action: 'cancel' },
      { action: 'accept', content: { confirm: false } },
    ]) {
      const { isError, content } = await call({ requestState, inputResponses: { confirm: response } })
      t.assert.strictEqual(content[0].text, 'The price was not confirmed, so nothing was sent or billed.')
      t.assert.ok(isError)
    }
    t.assert.strictEqual(simulator.requests.length, 0)
  })

  test('confirms by its response, whatever code its model sends as well', async (t: TestContext) => {
    const { call, simulator } = await build(t)
    const guessed = { ...low, confirm_cost: 'c_000000000000' }
    const { requestState } = await call({}, guessed)
    const answer = (confirm: boolean) => ({
      requestState,
      inputResponses: { confirm: { action: 'accept', content: { confirm } } },
    })
    t.assert.match((await call(answer(false), guessed)).content[0].text, /^The price was not confirmed/)
    t.assert.strictEqual(simulator.requests.length, 0)
    t.assert.strictEqual((await call(answer(true), guessed)).content?.[0].text, 'Image successfully generated.')
    t.assert.strictEqual(simulator.requests.length, 1)
  })
})

test('a call of which a client of 2025-11-25 is asked in between is one call to its limit', async (t: TestContext) => {
  const policy = { rules: [{ name: 'careful', confirm_above_usd: 0.004 }] }
  const { url, simulator } = await start(t, policy, { TOOL_CALLS_PER_MINUTE: '1' })
  const client = await greet(url, { headers: as('ann') })
  const asked = await client.call('generate_image', low)
  await client.answer(await asked.question(), accepted({ confirm: true }))
  t.assert.strictEqual(textOf(await asked.response()), 'Image successfully generated.')
  t.assert.strictEqual(simulator.requests.length, 1)
  const second = await client.call('generate_image', low)
  t.assert.match((await second.response()).error.message, /^Call rate limit of this tool exceeded/)
})

test('nobody is asked for the price of a call that a budget rejects anyway', async (t: TestContext) => {
  const rule = { name: 'careful', confirm_above_usd: 0.004, images_per_day: 1 }
  const { url, generate, simulator } = await start(t, { rules: [rule] })
  const client = await greet(url, { headers: as('ann') })
  const first = await client.call('generate_image', low)
  await client.answer(await first.question(), accepted({ confirm: true }))
  t.assert.strictEqual(textOf(await first.response()), 'Image successfully generated.')
  const exceeded = /^Daily image quota of rule careful exceeded; it resets/
  const [second, ...others] = await (await client.call('generate_image', low)).rest()
  t.assert.match(second.error?.message ?? 'a question', exceeded)
  t.assert.strictEqual(others.length, 0)
  await t.assert.rejects(generate(low), /Daily image quota of rule careful exceeded/)
  t.assert.strictEqual(simulator.requests.length, 1)
})
