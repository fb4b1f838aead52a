import { describe, type TestContext, test } from 'node:test'
import { savedName } from '../../../web/screens/saved-name.ts'
import { imageIdOf, studioImage } from '../../support/studio-images.ts'

describe('the name of a downloaded image', () => {
  test('is its own, without folders', (t: TestContext) => {
    t.assert.strictEqual(savedName(studioImage(1, { name: 'posters/狐狸.png' })), '狐狸.png')
    t.assert.strictEqual(savedName(studioImage(1, { name: '..\\..\\fox.png' })), 'fox.png')
  })

  test('is the id where it has none, with the extension of its type', (t: TestContext) => {
    const names = (['image/png', 'image/jpeg', 'image/svg+xml'] as const).map((mimeType) =>
      savedName(studioImage(1, { mimeType })),
    )
    t.assert.deepStrictEqual(
      names,
      ['png', 'jpg', 'svg'].map((extension) => `${imageIdOf(1)}.${extension}`),
    )
    t.assert.strictEqual(savedName(studioImage(1, { name: 'folder/' })), `${imageIdOf(1)}.png`)
  })
})
