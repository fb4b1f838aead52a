import { describe, type TestContext, test } from 'node:test'
import { versionBefore } from '../../../web/screens/version-before.ts'
import { imageIdOf, studioImage } from '../../support/studio-images.ts'

describe('the version before an image', () => {
  const source = imageIdOf('source')
  const own = studioImage('own', { origin: 'edited', parents: [source] })
  const data = (known: boolean) => ({
    async image(id: string) {
      if (!known || id !== own.id) throw new Error('missing')
      return own
    },
  })

  test('is its first parent', async (t: TestContext) => {
    t.assert.strictEqual(await versionBefore(data(true), own), source)
    t.assert.strictEqual(await versionBefore(data(true), studioImage('new')), undefined)
  })

  test("of a composite is what was edited, not the model's own image", async (t: TestContext) => {
    const composite = studioImage('composite', { origin: 'composite', parents: [own.id] })
    t.assert.strictEqual(await versionBefore(data(true), composite), source)
    t.assert.strictEqual(await versionBefore(data(false), composite), own.id)
  })
})
