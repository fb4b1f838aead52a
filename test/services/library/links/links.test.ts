import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createServerSecret } from '../../../../services/auth/server-secret.ts'
import { transformFormats } from '../../../../services/imaging/transform.ts'
import { newImageId } from '../../../../services/library/image-id.ts'
import { createLinks, type Links } from '../../../../services/library/links/links.ts'
import { checkProperty } from '../../../support/property.ts'

const key = createServerSecret('a secret of more than 32 characters').keyFor('links')
const base = 'https://images.example.com'
const ttlMs = 60_000

function linksAt(now: () => number = Date.now, otherKey = key): Links {
  return createLinks({ key: otherKey, ttlMs, now })
}

function queryOf(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams)
}

const variants = fc.record(
  { maxEdge: fc.integer({ min: 1, max: 16_384 }), format: fc.constantFrom(...transformFormats) },
  { requiredKeys: [], noNullPrototype: true },
)

test('a link opens its image in its variant until its end', async (t: TestContext) => {
  const property = fc.property(variants, fc.integer({ min: 1, max: 2 ** 41 }), (variant, madeAt) => {
    let now = madeAt
    const links = linksAt(() => now)
    const id = newImageId()
    const url = links.urlOf(id, base, variant)
    now = madeAt + ttlMs - 1
    const link = links.verify(id, queryOf(url))
    t.assert.deepStrictEqual(link?.variant, variant)
    now = link?.endsAt ?? 0
    t.assert.ok(now >= madeAt + ttlMs && now < madeAt + ttlMs + 1000)
    t.assert.equal(links.verify(id, queryOf(url)), undefined)
  })
  await checkProperty(t, property, { numRuns: 300 })
})

test('a link has the path of its base, the id, and a short query', (t: TestContext) => {
  const id = newImageId()
  const url = linksAt(() => 0).urlOf(id, 'https://host/images-mcp', { maxEdge: 512, format: 'webp' })
  t.assert.equal(url.replace(/&s=.*/, ''), `https://host/images-mcp/images/${id}?e=60&w=512&f=webp`)
  t.assert.match(url, /&s=[\w-]{22}$/)
})

test('a link in which anything signed was changed, removed, added or repeated opens nothing', (t: TestContext) => {
  const links = linksAt()
  const id = newImageId()
  const whole = queryOf(links.urlOf(id, base))
  const smaller = queryOf(links.urlOf(id, base, { maxEdge: 512, format: 'png' }))
  const { s = '', e = '' } = whole
  t.assert.ok(links.verify(id, whole))
  t.assert.ok(links.verify(id, smaller))
  // The last character of 22 has four bits that no byte uses.
  const alike = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map((last) => s.slice(0, -1) + last)
    .filter((text) => text !== s)
  const changed: Record<string, unknown>[] = [
    ...alike.map((signature) => ({ ...whole, s: signature })),
    ...[s.slice(1), `${s}A`, `${s}=`, '', undefined, [s], [s, s], s.toUpperCase(), '\u0000'].map((signature) => ({
      ...whole,
      s: signature,
    })),
    ...[String(Number(e) + 1), `0${e}`, `${e}.0`, `${e}e0`, ` ${e}`, `+${e}`, '', '-1', '0', undefined, [e]].map(
      (end) => ({ ...whole, e: end }),
    ),
    { ...whole, w: '512' },
    { ...whole, f: 'png' },
    { ...whole, f: '' },
    { ...whole, w: '' },
    { ...smaller, w: undefined },
    { ...smaller, f: undefined },
    { ...smaller, w: '0512' },
    { ...smaller, w: '513' },
    { ...smaller, f: 'webp' },
    { ...smaller, f: 'PNG' },
    { e, s: smaller.s },
    { ...smaller, s },
    {},
  ]
  for (const query of changed) t.assert.equal(links.verify(id, query), undefined, JSON.stringify(query))
  t.assert.equal(links.verify(newImageId(), whole), undefined)
})

test('a signature made with another secret, or with a key of another purpose, opens nothing', (t: TestContext) => {
  const id = newImageId()
  for (const other of [
    createServerSecret('another secret of more than 32 characters').keyFor('links'),
    createServerSecret('a secret of more than 32 characters').keyFor('uploads'),
    createServerSecret(undefined).keyFor('links'),
  ]) {
    t.assert.equal(linksAt().verify(id, queryOf(linksAt(Date.now, other).urlOf(id, base))), undefined)
  }
})

test('replicas with the same secret open the links of each other', (t: TestContext) => {
  const id = newImageId()
  const other = createServerSecret('a secret of more than 32 characters').keyFor('links')
  t.assert.ok(linksAt(Date.now, other).verify(id, queryOf(linksAt().urlOf(id, base))))
})

test('parameters that are not signed, as trackers add them, change nothing', (t: TestContext) => {
  const id = newImageId()
  t.assert.ok(linksAt().verify(id, { utm_source: 'chat', ...queryOf(linksAt().urlOf(id, base)), x: ['1', '2'] }))
})

test('a text is a link if its path is that of an image, under any host and prefix', (t: TestContext) => {
  const links = linksAt()
  const id = newImageId()
  const url = links.urlOf(id, base)
  for (const text of [
    url,
    ` ${url}\n`,
    url.replace(base, 'http://10.0.0.1:8000/images-mcp'),
    url.replace('?', '/?'),
    `${url}&utm_source=chat`,
    `${url}#top`,
  ]) {
    t.assert.deepStrictEqual(links.parse(text), { id, isKey: true }, text)
  }
  for (const text of [
    `${base}/images/${id}`,
    `${url}x`,
    url.replace('e=', 'e=1'),
    url.replace(base, 'http://localhost:8000').replace('&s=', '&s=A'),
  ]) {
    t.assert.deepStrictEqual(links.parse(text), { id, isKey: false }, text)
  }
  for (const text of [
    '',
    id,
    `image://${id}`,
    url.replace('https', 'ftp'),
    url.replace('/images/', '/image/'),
    url.replace('/images/', '/images/x'),
    `${base}/images/img_`,
    `${base}/images/${id}.png`,
    url + 'x'.repeat(2048),
    `${base}/?next=/images/${id}`,
  ]) {
    t.assert.equal(links.parse(text), undefined, text)
  }
})

test('a link to a smaller version is no key to the whole image, and neither is an expired one', (t: TestContext) => {
  const id = newImageId()
  let now = Date.now()
  const links = linksAt(() => now)
  const whole = links.urlOf(id, base)
  t.assert.deepStrictEqual(links.parse(links.urlOf(id, base, { maxEdge: 64 })), { id, isKey: false })
  t.assert.deepStrictEqual(links.parse(whole), { id, isKey: true })
  now += ttlMs + 1000
  t.assert.deepStrictEqual(links.parse(whole), { id, isKey: false })
})
