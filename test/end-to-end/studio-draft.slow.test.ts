import { describe, type TestContext, test } from 'node:test'
import { newImageId } from '../../services/library/image-id.ts'
import { png } from '../support/images/images.ts'
import { callerSetups } from '../support/library-callers.ts'
import { storeImage } from '../support/library-images.ts'
import { startService } from '../support/service.ts'
import { callFromStudio } from '../support/studio.ts'

const bytes = await png()

describe('studio_draft', () => {
  test('stores a text for an image and one for none, over a restart', async (t: TestContext) => {
    const first = await startService(t)
    const { id } = await storeImage(first.app, { bytes })
    const text = '{"prompt":"让天空变成粉红色"}'
    t.assert.deepStrictEqual((await callFromStudio(first.url, 'studio_draft', { id })).facts, { draft: null })
    t.assert.deepStrictEqual((await callFromStudio(first.url, 'studio_draft', { id, text })).facts, { draft: text })
    await callFromStudio(first.url, 'studio_draft', { text: ' ' })
    await first.app.close()
    const { url } = await startService(t, { IMAGES_DIR: first.images })
    t.assert.deepStrictEqual((await callFromStudio(url, 'studio_draft', { id })).facts, { draft: text })
    t.assert.deepStrictEqual((await callFromStudio(url, 'studio_draft')).facts, { draft: ' ' })
    t.assert.deepStrictEqual((await callFromStudio(url, 'studio_draft', { text: '' })).facts, { draft: null })
    t.assert.deepStrictEqual((await callFromStudio(url, 'studio_draft', { text: null })).facts, { draft: null })
  })

  test('counts the bytes of UTF-8: 65,536 are stored, one more is rejected and changes nothing', async (t: TestContext) => {
    const { url } = await startService(t)
    const put = (text: string) => callFromStudio(url, 'studio_draft', { text })
    const longest = ['x'.repeat(65_536), `${'狐'.repeat(21_845)}x`, 'AAAA'.repeat(16_384)]
    for (const text of longest) {
      t.assert.deepStrictEqual((await put(text)).facts, { draft: text })
      t.assert.ok((await put(`${text}x`)).isError)
      t.assert.deepStrictEqual((await callFromStudio(url, 'studio_draft')).facts, { draft: text })
    }
    t.assert.strictEqual((await put('狐'.repeat(21_846))).text, 'The draft has more than 65536 bytes in UTF-8.')
    t.assert.ok((await put('\ud83e')).isError)
    t.assert.ok((await callFromStudio(url, 'studio_draft', { text: { a: 1 } })).isError)
  })

  test('says when drafts cannot be stored, and nothing of why', async (t: TestContext) => {
    const { url, app } = await startService(t)
    await app.stateDatabase?.run('DROP TABLE state.drafts')
    for (const args of [{}, { text: 'x' }]) {
      const { isError, text, facts } = await callFromStudio(url, 'studio_draft', args)
      t.assert.deepStrictEqual([isError, facts], [true, undefined])
      t.assert.strictEqual(text, 'Drafts cannot be stored or read at the moment. Try again in 10 s.')
    }
  })

  test('knows no images that do not exist', async (t: TestContext) => {
    const { url } = await startService(t)
    const { isError, text } = await callFromStudio(url, 'studio_draft', { id: newImageId(), text: 'x' })
    t.assert.ok(isError)
    t.assert.match(text, /^There is no image with the id in id/)
  })

  for (const [name, create] of Object.entries(callerSetups)) {
    test(`of one caller is never that of another, nor of a stranger: ${name}`, async (t: TestContext) => {
      const { environment, ann, bob, lists, changes } = await create(t)
      const { url, app } = await startService(t, environment)
      await callFromStudio(url, 'studio_draft', { text: 'her idea' }, ann)
      const { raw: his } = await callFromStudio(url, 'studio_draft', {}, bob)
      const isOne = changes && lists
      t.assert.strictEqual(JSON.stringify(his).includes('her idea'), isOne)
      if (!lists) t.assert.match(JSON.stringify(his), /Without authentication/)
      // An image that he may not use has no draft of his.
      const owner = 'key:ann'
      const image = await storeImage(app, { bytes, owner })
      const { raw: onHers } = await callFromStudio(url, 'studio_draft', { id: image.id, text: 'x' }, bob)
      const { raw: unknown } = await callFromStudio(url, 'studio_draft', { id: newImageId(), text: 'x' }, bob)
      if (onHers.isError === true) t.assert.deepStrictEqual(onHers, unknown)
    })
  }
})
