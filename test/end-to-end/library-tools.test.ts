import { type TestContext, test } from 'node:test'
import { callTool, startService } from '../support/service.ts'

const idsIn = (text: string) => [...new Set(text.match(/img_[0-9a-z]{26}/g) ?? [])]
const idIn = (text: string) => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1] ?? ''

test('find_images lists the newest images first, a line each, and finds them by words', async (t: TestContext) => {
  const { url } = await startService(t)
  const made = []
  for (const prompt of ['a red fox', 'a blue boat', '一只红色的狐狸'])
    made.push(idIn((await callTool(url, 'generate_image', { prompt })).text))
  const all = await callTool(url, 'find_images', {})
  t.assert.deepEqual(idsIn(all.text), made.toReversed())
  t.assert.match(all.text, /^3 images, newest first\./)
  t.assert.deepEqual(idsIn((await callTool(url, 'find_images', { query: 'fox' })).text), made.slice(0, 1))
  t.assert.deepEqual(idsIn((await callTool(url, 'find_images', { query: '狐狸' })).text), made.slice(2))
  t.assert.equal((await callTool(url, 'find_images', { query: 'cat' })).text, 'No image matches.')
})

test('get_image shows a stored image whole, as a preview, or as a link', async (t: TestContext) => {
  const { url } = await startService(t)
  const made = await callTool(url, 'generate_image', { prompt: 'a fox' })
  const id = idIn(made.text)
  const whole = await callTool(url, 'get_image', { id, as: 'image' })
  t.assert.deepEqual(whole.images, made.images)
  const preview = await callTool(url, 'get_image', { id })
  t.assert.equal(preview.images.length, 1)
  t.assert.ok((preview.content.find(({ data }) => data)?.data?.length ?? 0) <= 100 * 1024)
  const link = await callTool(url, 'get_image', { id, as: 'link' })
  t.assert.equal(link.images.length, 0)
  t.assert.match(link.text, /Link: http:\/\/127\.0\.0\.1:\d+\/images\/img_/)
})
