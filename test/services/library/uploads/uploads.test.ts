import { type TestContext, test } from 'node:test'
import { serviceError } from '../../../../services/errors/errors.ts'
import { createUploads } from '../../../../services/library/uploads/uploads.ts'

const MINUTE = 60_000

test('an address is valid for fifteen minutes, and with the key of its service only', async (t: TestContext) => {
  let time = Date.UTC(2026, 10, 1)
  const options = {
    library: {
      get: async () => {
        throw serviceError('IMG_ERR_IMAGE_ID', ['id'])
      },
      addUpload: () => Promise.reject(new Error('unused')),
    },
    limits: { maxBytes: 1, maxPixels: 1 },
    now: () => time,
  }
  const uploads = createUploads({ ...options, key: Buffer.alloc(32, 1), waitMs: 0 })
  const { ticket, token } = uploads.request('key:ann', 'mask')
  const others = createUploads({ ...options, key: Buffer.alloc(32, 2), waitMs: 0 })
  await t.assert.rejects(others.open(token), { code: 'IMG_ERR_UPLOAD' })

  time += 15 * MINUTE - 1
  t.assert.deepEqual(await uploads.open(token), ticket)
  time += 1
  await t.assert.rejects(uploads.open(token), { code: 'IMG_ERR_UPLOAD' })
})

test('an address tells nothing of its caller', (t: TestContext) => {
  const library = {
    get: () => Promise.reject(new Error('unused')),
    addUpload: () => Promise.reject(new Error('unused')),
  }
  const uploads = createUploads({ library, limits: { maxBytes: 1, maxPixels: 1 }, key: Buffer.alloc(32, 1), waitMs: 0 })
  const { token } = uploads.request('subject:https://issuer.example#ann', 'image')
  for (const text of ['ann', 'issuer', 'img_']) {
    t.assert.ok(!Buffer.from(token, 'base64url').includes(text), text)
    t.assert.ok(!token.includes(text), text)
  }
  t.assert.notEqual(token, uploads.request('subject:https://issuer.example#ann', 'image').token)
})
