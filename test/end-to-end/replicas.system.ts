import { type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { startPostgres } from '../support/postgres.ts'
import { callTool, startService } from '../support/service.ts'

const idOf = (text: string) => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1] ?? ''

test('an image of one replica is found, shown, edited and linked by another at once', async (t: TestContext) => {
  await using azurite = await startAzurite()
  await using postgres = await startPostgres()
  const shared = {
    AZURE_STORAGE_URL: await azurite.createContainer('images'),
    AZURE_STORAGE_KEY: AZURITE_KEY,
    DATABASE_URL: await postgres.createDatabase(),
    LIBRARY_WAIT_MS: '20000',
    SERVER_SECRET: 'the same on all replicas, and long enough',
  }
  const services = await Promise.all([startService(t, shared), startService(t, shared)])
  const [one, other] = services
  for (const more of [{}, { output_path: 'album/fox.png' }]) {
    const made = await callTool(one.url, 'generate_image', { prompt: 'a red fox', ...more })
    const id = idOf(made.text)
    const [shown, found, edited, linked] = await Promise.all([
      callTool(other.url, 'get_image', { id, as: 'image' }),
      callTool(other.url, 'find_images', { query: 'fox' }),
      callTool(other.url, 'edit_image', { prompt: 'at night', image: id }),
      callTool(other.url, 'get_image', { id, as: 'link' }),
    ])
    t.assert.deepStrictEqual(shown.images, made.images)
    t.assert.ok(found.text.includes(id), found.text)
    t.assert.strictEqual(edited.images.length, 1, edited.text)
    // A link of one replica is valid at another.
    const link = /Link[^:]*: (http:\S+)/.exec(linked.text)?.[1] ?? ''
    const response = await fetch(link.replace(other.url, one.url))
    t.assert.deepStrictEqual(Buffer.from(await response.arrayBuffer()), made.images[0])
    const children = await callTool(one.url, 'find_images', { parent: id })
    t.assert.ok(children.text.includes(idOf(edited.text)), children.text)
  }
  // Each has the same name free, until one of them takes it.
  const named = await Promise.all(
    [one, other, one, other].map(({ url }) =>
      callTool(url, 'generate_image', { prompt: 'x', output_path: 'same.png' }),
    ),
  )
  const places = named.map(({ content }) => /same(?:-\d)?\.png$/.exec(content[0]?.text ?? '')?.[0])
  t.assert.deepStrictEqual(places.sort(), ['same-2.png', 'same-3.png', 'same-4.png', 'same.png'])
  for (const { app } of services) await app.close()
})
