import { type TestContext, test } from 'node:test'
import { accept, as, both, choicesOf, forms, gpt, keyOf, pages, startAsked } from '../support/asked-client.ts'

const prompt = 'make the sky pink'

test('an upload page is offered as an address, and the call waits for the image that the user sends there', async (t: TestContext) => {
  const { call, upload, sent } = await startAsked(t, gpt, { timing: { uploadWaitMs: 10_000 } })
  const asked = await call({ for: 'image' }, { tool: 'request_upload', capabilities: pages })
  const { params } = asked.requests.upload
  t.assert.deepStrictEqual(Object.keys(params).sort(), ['message', 'mode', 'url'])
  t.assert.strictEqual(
    params.message,
    'Open this page to upload the image. It asks for your API key of this service, to know that it is you.',
  )
  const more = { inputResponses: accept('upload'), requestState: asked.requestState }
  const waiting = call({ for: 'image' }, { tool: 'request_upload', capabilities: pages, more })
  t.assert.strictEqual((await upload(params.url, as('ann'))).status, 201)
  const { text } = await waiting
  t.assert.match(
    text,
    /^The user uploaded the image: 64x48, image\/png\.\nImage id: img_\w{26} \(pass it as "image" to edit_image\)\.$/,
  )
  const image = /img_\w+/.exec(text)?.[0]
  t.assert.match((await call({ prompt, image })).text, /^Image successfully edited/)
  t.assert.strictEqual(sent(), 1)
})

test('the address alone lets nobody upload: the visitor must be the user who was asked', async (t: TestContext) => {
  const { call, upload, images } = await startAsked(t)
  const { requests } = await call({}, { tool: 'request_upload', capabilities: pages })
  const { url } = requests.upload.params
  const page = await (await fetch(url)).text()
  t.assert.match(page, /<input class="key" id="key" type="password"/)
  t.assert.doesNotMatch(url, /ann|key/)
  for (const [headers, status] of [
    [{}, 401],
    [{ 'x-api-key': 'wrong' }, 401],
    [as('bob'), 403],
    [{ authorization: `Bearer ${keyOf('bob')}` }, 403],
  ] as const) {
    const { status: given, body } = await upload(url, headers)
    t.assert.strictEqual(given, status, body.message)
  }
  t.assert.match(
    (await upload(url, as('bob'))).body.message,
    /^This upload page is for the user who was asked to open it/,
  )
  t.assert.ok(!images.includes('img_'))
  t.assert.strictEqual((await upload(url, as('ann'))).status, 201)
  t.assert.strictEqual((await upload(url, as('ann'))).status, 410)
})

test('a page is offered only where its visitor can be known: with a key, or on this machine', async (t: TestContext) => {
  const local = await startAsked(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' })
  const { requests } = await local.call({}, { tool: 'request_upload', capabilities: pages })
  t.assert.strictEqual(requests.upload.params.message, 'Open this page to upload the image.')
  const { url } = requests.upload.params
  t.assert.doesNotMatch(await (await fetch(url)).text(), /type="password"/)
  t.assert.strictEqual((await local.upload(url, { 'x-forwarded-for': '203.0.113.7' })).status, 403)
  t.assert.strictEqual((await local.upload(url)).status, 201)
  for (const environment of [
    { AZURE_DEPLOYMENT_NAME: 'gpt-image-2', MCP_SERVER_HOST: '0.0.0.0' },
    { ...gpt, PUBLIC_URL: 'http://images.example' },
  ]) {
    const { call } = await startAsked(t, environment)
    const { text } = await call({}, { tool: 'request_upload', capabilities: pages })
    t.assert.match(text, /^Upload address: http/)
  }
  const { call } = await startAsked(t)
  t.assert.match((await call({}, { tool: 'request_upload', capabilities: forms })).text, /^Upload address: http/)
})

test('a user who does not open the page, or opens it and sends nothing yet', async (t: TestContext) => {
  const { call } = await startAsked(t)
  const asking = { tool: 'request_upload', capabilities: pages }
  const { requests, requestState } = await call({}, asking)
  const respond = (action: unknown) =>
    call({}, { ...asking, more: { inputResponses: { upload: { action } }, requestState } })
  t.assert.match((await respond('decline')).text, /^The user does not want to open the upload page/)
  t.assert.match((await respond('cancel')).text, /^Upload address: http/)
  t.assert.match(
    (await respond('accept')).text,
    /^The user opened the upload page, but has not sent the image yet\.\nImage id: img_/,
  )
  const again = await respond('yes')
  t.assert.strictEqual(again.requests.upload.params.url, requests.upload.params.url, 'the same page')
})

for (const action of ['decline', 'cancel']) {
  test(`the address of a page is void after ${action}, and counts among the open ones no more`, async (t: TestContext) => {
    const { call, upload } = await startAsked(t)
    const asking = { tool: 'request_upload', capabilities: pages }
    for (let time = 0; time < 12; time++) {
      const { requests, requestState, text } = await call({}, asking)
      t.assert.ok(requests?.upload, text)
      const { url } = requests.upload.params
      await call({}, { ...asking, more: { inputResponses: { upload: { action } }, requestState } })
      if (action === 'cancel' && time === 8) break
      t.assert.strictEqual((await fetch(url)).status, 404)
      t.assert.strictEqual((await upload(url, as('ann'))).status, 404)
    }
  })
}

test('an edit without an image: the user uploads one, and it is edited', async (t: TestContext) => {
  const { call, generate, upload, sent } = await startAsked(t, gpt, { timing: { uploadWaitMs: 500 } })
  await generate()
  const options = { capabilities: both }
  const asked = await call({ prompt }, options)
  t.assert.deepStrictEqual(choicesOf(asked.requests.image).at(-1), { const: 'upload', title: 'Another one: upload it' })
  const choosing = { inputResponses: accept('image', { image: 'upload' }), requestState: asked.requestState }
  const page = await call({ prompt }, { ...options, more: choosing })
  t.assert.deepStrictEqual(Object.keys(page.requests), ['upload_image'])
  const opened = { inputResponses: accept('upload_image'), requestState: page.requestState }
  const early = await call({ prompt }, { ...options, more: opened })
  t.assert.match(
    early.text,
    /^The user opened the upload page, but has not sent the image yet\. Once it is uploaded, send the call again with "image": "img_\w{26}"\. Nothing was sent to Azure or billed\.$/,
  )
  await upload(page.requests.upload_image.params.url, as('ann'))
  t.assert.strictEqual(sent(), 1)
  t.assert.match((await call({ prompt }, { ...options, more: opened })).text, /^Image successfully edited/)
  const declined = { inputResponses: { upload_image: { action: 'decline' } }, requestState: page.requestState }
  t.assert.match((await call({ prompt }, { ...options, more: declined })).text, /did not answer/)
  t.assert.strictEqual(sent(), 2)
})
