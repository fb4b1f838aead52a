import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { newImageId } from '../../services/library/image-id.ts'
import { png } from '../support/images/images.ts'
import { type CallerSetup, callerSetups, rpcAs } from '../support/library-callers.ts'
import { startService } from '../support/service.ts'

/** A request that names an image of somebody. */
type Probe = readonly [method: string, params: object]
const tool = (name: string, args: object): Probe => ['tools/call', { name, arguments: args }]

const image = (await png()).toString('base64')

/** Every way to use an image by its id. */
const uses: Readonly<Record<string, (id: string) => Probe>> = {
  'edit_image by id': (image) => tool('edit_image', { image, prompt: 'x' }),
  'edit_image by URI': (id) => tool('edit_image', { image: `image://${id}`, prompt: 'x' }),
  'edit_image by an address without a signature': (id) =>
    tool('edit_image', { image: `http://127.0.0.1/images/${id}`, prompt: 'x' }),
  'edit_image with a further image by id': (id) =>
    tool('edit_image', { image_data_base64: image, reference_images: [id], prompt: 'x' }),
  'get_image as a preview': (id) => tool('get_image', { id }),
  'get_image whole': (id) => tool('get_image', { id, as: 'image' }),
  'get_image as a link': (id) => tool('get_image', { id, as: 'link' }),
  'get_image by its preview': (id) => tool('get_image', { id: `image://${id}/preview` }),
  'studio_image whole': (id) => tool('studio_image', { id }),
  'studio_image smaller': (id) => tool('studio_image', { id, max_edge: 16 }),
  'resources/read': (id) => ['resources/read', { uri: `image://${id}` }],
  'resources/read of the preview': (id) => ['resources/read', { uri: `image://${id}/preview` }],
}

/** Every way to change an image. */
const changes: Readonly<Record<string, (id: string) => Probe>> = {
  update_image: (id) => tool('update_image', { id, tags: ['mine'] }),
  delete_image: (id) => tool('delete_image', { id }),
}

/** Every way to use an image by its name. */
const byName: Readonly<Record<string, (name: string) => Probe>> = {
  'edit_image by name': (name) => tool('edit_image', { image: `image:///${name}`, prompt: 'x' }),
  'get_image by name': (name) => tool('get_image', { id: `image:///${name}` }),
  'resources/read by name': (name) => ['resources/read', { uri: `image:///${name}` }],
}

const idIn = (response: unknown) => /Image id: (img_[0-9a-z]{26})/.exec(JSON.stringify(response))?.[1] ?? ''
const failed = ({ result, error }: Awaited<ReturnType<typeof rpcAs>>) => error !== undefined || result?.isError === true

async function build(t: TestContext, create: (t: TestContext) => Promise<CallerSetup>) {
  const setup = await create(t)
  const environment = {
    AZURE_DEPLOYMENT_NAME: 'FLUX.2-pro',
    DEFAULT_IMAGE_SIZE: '256x256',
    TOOLS: 'default,update_image,delete_image',
    LOG_LEVEL: 'debug',
    ...setup.environment,
  }
  const service = await startService(t, environment)
  const as =
    (headers: Record<string, string>) =>
    (...[method, params]: Probe) =>
      rpcAs(service.url, headers, method, params)
  const ann = as(setup.ann)
  const bob = as(setup.bob)
  const unnamed = idIn(await ann(...tool('generate_image', { prompt: 'confidential fox', tags: ['secret'] })))
  const named = idIn(await ann(...tool('generate_image', { prompt: 'confidential owl', output_path: 'owl.png' })))
  const own = idIn(await bob(...tool('generate_image', { prompt: 'plain sky', output_path: 'sky.png' })))
  t.assert.ok(unnamed && named && own)
  return { ...service, setup, ann, bob, unnamed, named, own }
}

type Built = Awaited<ReturnType<typeof build>>

/** A caller learns nothing of an image: the response is that to what does not exist. */
async function expectUnknown(
  t: TestContext,
  ask: Built['bob'],
  probe: (key: string) => Probe,
  key: string,
  none: string,
) {
  const [real, unknown] = [await ask(...probe(key)), await ask(...probe(none))]
  t.assert.ok(failed(real), JSON.stringify(real))
  const text = (response: object, its: string) => JSON.stringify(response).replaceAll(its, '…')
  t.assert.equal(text(real, key), text(unknown, none))
}

for (const [name, create] of Object.entries(callerSetups)) {
  describe(`with ${name}`, () => {
    test('images are used by exactly those who may', async (t: TestContext) => {
      const { ann, bob, unnamed, named, own, setup } = await build(t, create)
      for (const [use, probe] of Object.entries(uses)) {
        for (const id of [unnamed, named]) {
          t.assert.ok(!failed(await ann(...probe(id))), use)
          if (setup.uses) t.assert.ok(!failed(await bob(...probe(id))), use)
          else await expectUnknown(t, bob, probe, id, newImageId())
        }
        t.assert.ok(!failed(await bob(...probe(own))), use)
      }
      for (const [use, probe] of Object.entries(byName)) {
        t.assert.ok(!failed(await ann(...probe('owl.png'))), use)
        if (setup.uses) t.assert.ok(!failed(await bob(...probe('owl.png'))), use)
        else {
          for (const spelling of ['owl.png', 'OWL.png', './owl.png']) {
            await expectUnknown(t, bob, probe, spelling, spelling.replace(/owl/i, 'elk'))
          }
        }
        t.assert.ok(!failed(await bob(...probe('sky.png'))), use)
      }
    })

    test('images are listed to exactly those who may find them', async (t: TestContext) => {
      const { ann, bob, url, unnamed, named, own, setup } = await build(t, create)
      const { tools } = Object((await bob('tools/list', {})).result)
      const names = tools.map((each: { name: string }) => each.name)
      for (const listing of ['find_images', 'update_image', 'delete_image']) {
        t.assert.equal(names.includes(listing), setup.lists, listing)
      }
      const start = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } }
      const { instructions } = Object((await bob('initialize', start)).result)
      t.assert.equal(/find_images/.test(instructions), setup.lists)
      t.assert.equal(/"last"/.test(instructions), setup.lists)

      const lists: readonly Probe[] = [
        tool('find_images', {}),
        tool('find_images', { query: 'confidential' }),
        tool('find_images', { tags: ['secret'] }),
        tool('find_images', { parent: unnamed }),
        tool('find_images', { parent: newImageId() }),
        ['resources/list', {}],
        ...['', unnamed, 'confidential'].map(
          (value): Probe => [
            'completion/complete',
            { ref: { type: 'ref/resource', uri: 'image://{id}' }, argument: { name: 'id', value } },
          ],
        ),
        [
          'completion/complete',
          { ref: { type: 'ref/prompt', name: 'edit_one_thing' }, argument: { name: 'image', value: '' } },
        ],
      ]
      let found = ''
      for (const probe of lists) {
        const response = await bob(...probe)
        if (!setup.lists && probe[0] === 'tools/call') t.assert.match(JSON.stringify(response), /ids only/)
        found += JSON.stringify(response)
      }
      // What he typed himself is not what he was told.
      const told = found.replaceAll(`cursor`, '')
      for (const id of [unnamed, named]) t.assert.equal(told.includes(id), setup.finds, id)
      t.assert.equal(told.includes(own), setup.lists)
      t.assert.equal(told.includes('confidential'), setup.finds)
      t.assert.equal(told.includes('owl.png'), setup.finds || setup.uses, 'the name of a file that he may use')

      const last = await bob(...tool('get_image', { id: 'last' }))
      t.assert.equal(failed(last), !setup.lists)
      if (setup.lists) t.assert.ok(JSON.stringify(last).includes(own))
      t.assert.equal((await fetch(`${url}/images/${unnamed}`)).status, 404)
      t.assert.ok(!failed(await ann('resources/list', {})))
    })

    test('images are changed by their owners only', async (t: TestContext) => {
      const { ann, bob, unnamed, own, setup } = await build(t, create)
      for (const [change, probe] of Object.entries(changes)) {
        if (!setup.lists) t.assert.match(JSON.stringify(await bob(...probe(unnamed))), /ids only/, change)
        else if (!setup.changes) await expectUnknown(t, bob, probe, unnamed, newImageId())
        if (setup.lists) t.assert.ok(!failed(await bob(...probe(own))), change)
      }
      t.assert.ok(!failed(await ann(...tool('get_image', { id: unnamed }))), 'it is still there')
      if (setup.changes) t.assert.ok(!failed(await bob(...tool('delete_image', { id: unnamed }))))
    })

    test('no log line has a prompt, and no metric an owner or an id', async (t: TestContext) => {
      const { bob, logs, url, unnamed, own, images } = await build(t, create)
      for (const probe of Object.values({ ...uses, ...changes })) await bob(...probe(unnamed))
      await rm(join(images, '.library'), { recursive: true, force: true })
      for (const probe of Object.values(uses)) await bob(...probe(own))
      t.assert.doesNotMatch(logs.text, /confidential|plain sky/)
      const metrics = await (await fetch(`${url}/metrics`)).text()
      t.assert.match(metrics, /image_mcp_/)
      t.assert.doesNotMatch(metrics, /img_|key:|subject:|address:|confidential|owl\.png/)
    })
  })
}
