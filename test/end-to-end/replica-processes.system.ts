import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AZURITE_KEY, startAzurite } from '../support/azurite.ts'
import { containerFlags } from '../support/container-flags.ts'
import { idIn } from '../support/library-round.ts'
import { startPostgres } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Two processes with the flags of the container share a store, a database and a secret, and nothing else. */

const SERVER_SECRET = 'the same on all replicas, and long enough'

async function startReplicas(t: TestContext, shared: Record<string, string>): Promise<string[]> {
  const { url: azure } = await startSimulator(t)
  const start = async () => {
    const images = shared.IMAGES_DIR ?? (await temporaryFolder(t))
    const environment = { AZURE_BASE_URL: azure, AZURE_API_KEY: key, IMAGES_DIR: images, SERVER_SECRET, ...shared }
    return (await startProcess(t, environment, containerFlags({ images }))).url
  }
  return await Promise.all([start(), start()])
}

async function useBoth(t: TestContext, [one = '', other = '']: string[]): Promise<void> {
  for (const more of [{}, { output_path: 'fox.png' }]) {
    const generated = await callTool(one, 'generate_image', { prompt: 'a red fox', ...more })
    const id = idIn(generated.text)
    const [edited, found, linked] = await Promise.all([
      callTool(other, 'edit_image', { image: id, prompt: 'at night' }),
      callTool(other, 'find_images', { query: 'fox' }),
      callTool(one, 'get_image', { id, as: 'link' }),
    ])
    t.assert.deepStrictEqual([edited.isError, edited.images.length], [false, 1], edited.text)
    t.assert.ok(found.text.includes(id), found.text)
    const link = /Link[^:]*: (http\S+)/.exec(linked.text)?.[1] ?? ''
    const response = await fetch(link.replace(one, other))
    t.assert.deepStrictEqual(Buffer.from(await response.arrayBuffer()), generated.images[0])
    const children = await callTool(one, 'find_images', { parent: id })
    t.assert.ok(children.text.includes(idIn(edited.text)), children.text)
  }
}

test('two processes share one folder and one Postgres', async (t: TestContext) => {
  await using postgres = await startPostgres()
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const DATABASE_URL = await postgres.createDatabase()
  await useBoth(t, await startReplicas(t, { IMAGES_DIR: images, IMAGES_SHARED: 'true', DATABASE_URL }))
})

test('two processes share one container of Blob Storage and one Postgres', async (t: TestContext) => {
  await using azurite = await startAzurite()
  await using postgres = await startPostgres()
  const AZURE_STORAGE_URL = await azurite.createContainer('images')
  const DATABASE_URL = await postgres.createDatabase()
  await useBoth(t, await startReplicas(t, { AZURE_STORAGE_URL, AZURE_STORAGE_KEY: AZURITE_KEY, DATABASE_URL }))
})
