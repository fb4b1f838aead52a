import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { callTool, startService } from '../support/service.ts'

const idIn = (text: string) => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1] ?? ''

/** What is in the library of a store: the records by id. */
async function recordsIn(folder: string): Promise<Map<string, Record<string, unknown>>> {
  const entries = await readdir(folder, { recursive: true })
  const names = entries.filter((name) => /img_[0-9a-z]{26}\.json$/.test(name))
  const records = await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))))
  return new Map(records.map((record) => [record.id, record]))
}

test('an image can be edited by the id that its result names, ten times in a row, and each knows its parent', async (t: TestContext) => {
  const { url, images, simulator } = await startService(t)
  const first = await callTool(url, 'generate_image', { prompt: 'a fox' })
  const ids = [idIn(first.text)]
  let newest = first.images[0]
  for (let edit = 1; edit <= 10; edit++) {
    const image = edit % 3 === 0 ? 'last' : edit % 3 === 1 ? ids.at(-1) : `image://${ids.at(-1)}`
    const result = await callTool(url, 'edit_image', { image, prompt: `change ${edit}` })
    t.assert.equal(result.isError, false, result.text)
    ids.push(idIn(result.text))
    newest = result.images[0]
  }
  t.assert.equal(simulator.requests.length, 11)
  const records = await recordsIn(images)
  t.assert.equal(records.size, 11)
  for (const [at, id] of ids.entries()) {
    t.assert.deepEqual(records.get(id)?.parents, at === 0 ? [] : [ids[at - 1]])
  }
  const last = records.get(ids.at(-1) ?? '')
  t.assert.partialDeepStrictEqual(last, {
    origin: 'edited',
    prompt: 'change 10',
    isNamed: false,
    bytes: newest?.length,
  })
  t.assert.ok((await readFile(join(images, String(last?.location)))).equals(newest ?? Buffer.alloc(0)))
})
