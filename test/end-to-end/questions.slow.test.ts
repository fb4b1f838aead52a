import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Asked, accept, as, both, choicesOf, gpt, kontext, startAsked } from '../support/asked-client.ts'
import { png } from '../support/images/images.ts'
import { modernHeaders, modernMeta } from '../support/modern-client.ts'
import { callTool } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const prompt = 'make the sky pink'

test('an edit without an image asks which of the newest images is meant, and edits the chosen one', async (t: TestContext) => {
  const { call, generate, simulator, sent } = await startAsked(t)
  const [older = ''] = await generate({ prompt: 'a "quoted" fox'.padEnd(100, '!') })
  const [newer = ''] = await generate({ output_path: 'animals/hare.png' })
  const asked = await call({ prompt })
  const { params } = asked.requests.image
  t.assert.strictEqual(params.message, 'Which image should be edited?')
  const [first, second] = choicesOf(asked.requests.image)
  t.assert.deepStrictEqual([first?.const, second?.const], [newer, older])
  t.assert.match(String(first?.title), /^"a fox", generated just now, \d+x\d+, file "animals\/hare.png"$/)
  t.assert.match(String(second?.title), /^"a 'quoted' fox!{46}…", generated just now, \d+x\d+$/)
  t.assert.strictEqual(sent(), 2, 'nothing was sent yet')
  const more = { inputResponses: accept('image', { image: older }), requestState: asked.requestState }
  const { text } = await call({ prompt }, { more })
  t.assert.match(text, /^Image successfully edited\.\n/)
  t.assert.strictEqual(sent(), 3)
  t.assert.match(String(simulator.requests.at(-1)?.url), /edits/)
  const id = /Image id: (img_\w+)/.exec(text)?.[1]
  const parents = await call({ query: prompt }, { tool: 'find_images' })
  t.assert.match(parents.text, new RegExp(`${id} .*from ${older}`))
})

test('a client that cannot be asked gets the sentence of every client', async (t: TestContext) => {
  const { url, call, generate, sent } = await startAsked(t)
  await generate()
  const plain = await callTool(url, 'edit_image', { prompt }, as('ann'))
  t.assert.match(plain.text, /^Send the image to edit exactly once: either the id of a stored image in image or /)
  for (const capabilities of [{}, { sampling: {} }, { elicitation: { url: {} } }]) {
    const { result, text } = await call({ prompt }, { capabilities: capabilities })
    if (Object.hasOwn(Object(capabilities), 'elicitation')) t.assert.ok('upload_image' in result.inputRequests)
    else t.assert.strictEqual(text, plain.text)
  }
  t.assert.strictEqual(sent(), 1)
})

test('nothing is asked where nothing is missing, or the call fails anyway', async (t: TestContext) => {
  const { call, generate, sent } = await startAsked(t)
  const [id] = await generate()
  for (const args of [
    { prompt, image: id },
    { prompt, image: 'last' },
    { prompt, image_data_base64: (await png(64, 64)).toString('base64') },
  ]) {
    t.assert.match((await call(args, { capabilities: both })).text, /^Image successfully edited\./)
  }
  t.assert.strictEqual(sent(), 4)
  for (const [args, problem] of [
    [{ prompt: ' ' }, /blank: describe the image/],
    [{ prompt, output_path: '../a.png' }, /leads outside/],
    [{ prompt, n: 11 }, /"n" must be <= 10/],
    [{ prompt, image: 'last', image_data_base64: 'AAAA' }, /exactly once/],
    [{ prompt, image: 'C:\\a.png' }, /is the path of a file/],
    [{ prompt, dry_run: true }, /exactly once|dry_run/],
  ] as const) {
    t.assert.match((await call(args, { capabilities: both })).text, problem)
  }
  t.assert.strictEqual(sent(), 4)
})

for (const [what, response] of [
  ['declines', { action: 'decline' }],
  ['closes the form', { action: 'cancel' }],
] as const) {
  test(`a user who ${what} ends the call, and nothing is sent`, async (t: TestContext) => {
    const { call, generate, sent } = await startAsked(t)
    await generate()
    const { requestState } = await call({ prompt })
    const { text, result } = await call({ prompt }, { more: { inputResponses: { image: response }, requestState } })
    t.assert.strictEqual(
      text,
      'The user was asked for image and did not answer, so nothing was sent or billed. Ask in the chat, then send the call with "image".',
    )
    t.assert.strictEqual(result.isError, true)
    t.assert.strictEqual(sent(), 1)
  })
}

test('what is no choice is asked again', async (t: TestContext) => {
  const { call, generate, sent } = await startAsked(t)
  await generate()
  const [ofBob = ''] = await generate({}, 'bob')
  const { requestState } = await call({ prompt })
  for (const inputResponses of [
    {},
    { image: 7 },
    { image: { action: 'accept' } },
    { image: { action: 'accept', content: [] } },
    accept('image', { image: 7 }),
    accept('image', { image: '' }),
    accept('image', { image: 'img_00000000000000000000000000' }),
    accept('image', { image: 'last' }),
    accept('image', { image: 'upload' }),
    accept('image', { image: '/etc/passwd' }),
    accept('image', { image: ofBob }),
    accept('mask_image', { mask_image: 'x' }),
    { constructor: { action: 'decline' }, toString: 1 },
  ]) {
    const { requests } = await call({ prompt }, { more: { inputResponses, requestState } })
    t.assert.deepStrictEqual(Object.keys(requests ?? {}), ['image'], JSON.stringify(inputResponses))
  }
  t.assert.strictEqual(sent(), 2)
})

test('a response sent again gets the same image, which is paid for once; another choice is another call', async (t: TestContext) => {
  const { call, generate, sent } = await startAsked(t)
  const [one = '', two = ''] = [...(await generate()), ...(await generate())]
  const { requestState } = await call({ prompt })
  const choose = (image: string) =>
    call({ prompt }, { more: { inputResponses: accept('image', { image }), requestState } })
  const first = await choose(one)
  const again = await choose(one)
  t.assert.deepStrictEqual(imagesIn(again), imagesIn(first))
  t.assert.match(again.text, /nothing was paid again/)
  const [left, right] = await Promise.all([choose(one), choose(one)])
  t.assert.deepStrictEqual([imagesIn(left), imagesIn(right)], [imagesIn(first), imagesIn(first)])
  t.assert.strictEqual(sent(), 3)
  t.assert.doesNotMatch((await choose(two)).text, /nothing was paid again/)
  t.assert.strictEqual(sent(), 4)
})

const imagesIn = ({ result }: Asked) => result.content.flatMap(({ data }: { data?: string }) => data ?? [])

test('a state is good for its caller, its tool and its arguments only', async (t: TestContext) => {
  const { call, generate, sent } = await startAsked(t)
  const [image] = await generate()
  await generate({}, 'bob')
  const { requestState } = await call({ prompt })
  const more = { inputResponses: accept('image', { image }), requestState }
  for (const [args, sending] of [
    [{ prompt }, { name: 'bob' }],
    [{ prompt: 'another' }, {}],
    [{ prompt, n: 2 }, {}],
    [{ prompt }, { tool: 'generate_image' }],
    [{}, { tool: 'request_upload' }],
  ] as const) {
    t.assert.strictEqual((await call(args, { ...sending, more })).error?.code, -32602)
  }
  t.assert.strictEqual(sent(), 2)
})

test("an image that does not exist is asked for like a missing one; somebody else's is such a one", async (t: TestContext) => {
  const { call, generate, sent } = await startAsked(t)
  const [mine = ''] = await generate()
  const [ofBob = ''] = await generate({}, 'bob')
  for (const image of ['img_00000000000000000000000000', ofBob]) {
    const { requests, requestState } = await call({ prompt, image })
    const ids = choicesOf(requests.image).map((choice) => choice.const)
    t.assert.strictEqual(ids.at(-1), mine)
    t.assert.ok(!ids.includes(ofBob))
    const more = { inputResponses: accept('image', { image: mine }), requestState }
    t.assert.match((await call({ prompt, image }, { more })).text, /^Image successfully edited/)
  }
  t.assert.strictEqual(sent(), 4)
})

test('"last" asks which one if the last call made several images, and has the newest one chosen already', async (t: TestContext) => {
  const { url, call, generate, sent } = await startAsked(t)
  const ids = await generate({ n: 3 })
  const { requests, requestState } = await call({ prompt, image: 'last' })
  t.assert.deepStrictEqual(
    choicesOf(requests.image),
    ids.map((id, at) => ({ const: id, title: `Image ${at + 1} of 3: ${id}` })),
  )
  t.assert.ok(ids.includes(requests.image.params.requestedSchema.properties.image.default))
  const more = { inputResponses: accept('image', { image: ids[1] }), requestState }
  const edited = await call({ prompt, image: 'last' }, { more })
  const found = await call({ parent: ids[1] }, { tool: 'find_images' })
  t.assert.match(found.text, new RegExp(String(/Image id: (img_\w+)/.exec(edited.text)?.[1])))
  t.assert.strictEqual(sent(), 2)
  await generate({ n: 2 })
  t.assert.match((await callTool(url, 'edit_image', { prompt, image: 'last' }, as('ann'))).text, /^Image successfully/)
})

test('callers that may not list images are asked nothing that would list them', async (t: TestContext) => {
  const { call, generate, url } = await startAsked(t, {
    MCP_SERVER_HOST: '0.0.0.0',
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
  })
  await generate()
  for (const args of [{ prompt }, { prompt, image: 'img_00000000000000000000000000' }, { prompt, image: 'last' }]) {
    const plain = await callTool(url, 'edit_image', args)
    const { text, result } = await call(args, { capabilities: both })
    t.assert.strictEqual(text, plain.text)
    t.assert.strictEqual(result.isError, true)
  }
})

test('a mask that does not exist is asked for among the uploaded ones, together with the image', async (t: TestContext) => {
  const { url, call, generate, upload, sent } = await startAsked(t)
  const [image = ''] = await generate()
  const { text } = await callTool(url, 'request_upload', {}, as('ann'))
  const [, address = '', uploaded = ''] = /Upload address: (\S+)\nImage id: (img_\w+)/.exec(text) ?? []
  await upload(address)
  const args = { prompt, mask_image: 'img_00000000000000000000000000' }
  const { requests, requestState } = await call(args)
  t.assert.deepStrictEqual(Object.keys(requests), ['image', 'mask_image'])
  t.assert.deepStrictEqual(
    choicesOf(requests.mask_image).map((choice) => choice.const),
    [uploaded],
  )
  // One answer is kept while the other one is asked for again.
  const half = await call(args, { more: { inputResponses: accept('image', { image }), requestState } })
  t.assert.deepStrictEqual(Object.keys(half.requests), ['mask_image'])
  const inputResponses = accept('mask_image', { mask_image: uploaded })
  const whole = await call(args, { more: { inputResponses, requestState: half.requestState } })
  t.assert.match(whole.text, /^The mask must be/, 'an opaque file is no mask, and the call went on to that check')
  t.assert.strictEqual(sent(), 1)
})

test('a size and a ratio at once: the user says which one holds', async (t: TestContext) => {
  const { url, call, simulator } = await startAsked(t, kontext)
  const args = { prompt: 'a fox', size: '1024x1024', aspect_ratio: '16:9' }
  const plain = await callTool(url, 'generate_image', args, as('ann'))
  t.assert.strictEqual(plain.text, 'The arguments are not valid: send size or aspect_ratio, not both.')
  for (const [chosen, ratio] of [
    ['1024x1024', '1:1'],
    ['16:9', '16:9'],
  ]) {
    const { requests, requestState } = await call(args, { tool: 'generate_image' })
    t.assert.strictEqual(
      requests.size.params.message,
      'The call has the size 1024x1024 and the shape 16:9. Which one should the image have?',
    )
    t.assert.deepStrictEqual(
      choicesOf(requests.size).map((choice) => choice.const),
      ['1024x1024', '16:9'],
    )
    const more = { inputResponses: accept('size', { size: chosen }), requestState }
    t.assert.match((await call(args, { tool: 'generate_image', more })).text, /^Image successfully generated/)
    t.assert.partialDeepStrictEqual(simulator.requests.at(-1)?.fields, { aspect_ratio: ratio })
  }
  t.assert.strictEqual(simulator.requests.length, 2)
})

test('the choice is kept while the price is asked for, and both are paid for once', async (t: TestContext) => {
  const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
  await writeFile(POLICY_FILE, JSON.stringify({ rules: [{ name: 'careful', confirm_above_usd: 0.000_001 }] }))
  const { url, call, simulator } = await startAsked(t, { ...gpt, POLICY_FILE })
  const first = await callTool(url, 'generate_image', { prompt: 'a fox' }, as('ann'))
  const confirm_cost = /c_\w{12}/.exec(first.text)?.[0]
  const made = await callTool(url, 'generate_image', { prompt: 'a fox', confirm_cost }, as('ann'))
  const image = /img_\w{26}/.exec(made.text)?.[0]
  simulator.requests.length = 0
  const chosen = await call({ prompt })
  const more = { inputResponses: accept('image', { image }), requestState: chosen.requestState }
  const priced = await call({ prompt }, { more })
  t.assert.deepStrictEqual(Object.keys(priced.requests), ['confirm'])
  const confirming = { inputResponses: accept('confirm', { confirm: true }), requestState: priced.requestState }
  const edited = await call({ prompt }, { more: confirming })
  t.assert.match(edited.text, /^Image successfully edited/)
  const again = await call({ prompt }, { more: confirming })
  t.assert.deepStrictEqual(imagesIn(again), imagesIn(edited))
  t.assert.strictEqual(simulator.requests.length, 1)
  const refused = { inputResponses: accept('confirm', { confirm: false }), requestState: priced.requestState }
  t.assert.match((await call({ prompt }, { more: refused })).text, /^The price was not confirmed/)
  t.assert.strictEqual(simulator.requests.length, 1)
})

test('the result of an answered call that its client did not get is not asked for again', async (t: TestContext) => {
  const { url, call, generate, sent, simulator } = await startAsked(t)
  const [, second] = await generate({ n: 2 })
  const args = { prompt, image: 'last' }
  const { requestState } = await call(args)
  simulator.faults.next(1, 'slow')
  const gone = new AbortController()
  const more = { inputResponses: accept('image', { image: second }), requestState }
  const body = (extra: object) => ({
    method: 'POST',
    headers: { ...modernHeaders('tools/call', { name: 'edit_image' }), ...as('ann') },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'edit_image', arguments: args, ...extra, _meta: modernMeta({ elicitation: {} }) },
    }),
  })
  const lost = fetch(`${url}/mcp`, { ...body(more), signal: gone.signal }).catch(() => {})
  await waitFor('the request at Azure', () => sent() === 2)
  gone.abort()
  await lost
  const { text } = await call(args)
  t.assert.match(text, /^Image successfully edited/)
  t.assert.match(text, /nothing was paid again/)
  t.assert.strictEqual(sent(), 2)
})
