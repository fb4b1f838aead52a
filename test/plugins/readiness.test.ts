import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('probes do not write to the disk each time, however many are sent', async (t: TestContext) => {
  const { app, images } = await buildApp(t)
  const changes = new Set<bigint>()
  for (let n = 0; n < 50; n++) {
    const { statusCode, body } = await app.inject('/ready')
    t.assert.equal(statusCode, 200)
    t.assert.match(body, /"images":"writable"/)
    changes.add((await stat(images, { bigint: true })).mtimeNs)
  }
  // On a machine that is slow enough the response may have been asked for once more.
  t.assert.ok(changes.size <= 2, `the folder changed ${changes.size} times`)
})

test('without a folder for images the library is off, and the log says how it comes back', async (t: TestContext) => {
  const file = join(await temporaryFolder(t), 'images')
  await writeFile(file, '')
  const { app, logs } = await buildApp(t, { IMAGES_DIR: file })
  const { images, library } = (await app.inject('/ready')).json()
  t.assert.deepEqual({ images, library }, { images: 'unwritable', library: 'off' })
  t.assert.match(logs.text, /images folder is not writable, .* library, jobs and links are off until a restart; /)
})

test('a fault that begins and ends all the time is logged once a second at most, however often clients probe', async (t: TestContext) => {
  let looks = 0
  const { app, logs } = await buildApp(
    t,
    {},
    {
      onCreated: (fastify) => {
        fastify.addHook('onReady', async () => {
          fastify.readiness.add('flapping', () => {
            looks += 1
            return { ready: true, state: 'x', faults: looks % 2 === 0 ? [] : ['IMG_ERR_BUFFERS_FULL'] }
          })
        })
      },
    },
  )
  const start = performance.now()
  for (let n = 0; n < 50; n++) await app.inject('/ready')
  const seconds = Math.ceil((performance.now() - start) / 1000)
  t.assert.ok(looks >= 50)
  const lines = logs.entries.filter(({ code }) => code === 'IMG_ERR_BUFFERS_FULL')
  t.assert.ok(lines.length <= seconds + 1, `${lines.length} lines in ${seconds} s`)
})
