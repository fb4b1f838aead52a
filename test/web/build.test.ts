import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { buildStudio } from '../../web/build.ts'

const html = await buildStudio()
const count = (pattern: RegExp): number => html.match(pattern)?.length ?? 0

describe('the bundle of the studio', () => {
  test('is at most 150 KB, and 60 KB compressed', (t: TestContext) => {
    const [bytes, compressed] = [Buffer.byteLength(html), gzipSync(html).length]
    t.diagnostic(`${bytes} bytes, ${compressed} compressed`)
    t.assert.ok(bytes <= 150_000, `${bytes} bytes`)
    t.assert.ok(compressed <= 60_000, `${compressed} bytes compressed`)
  })

  test('has one script and one style in it, and loads nothing', (t: TestContext) => {
    t.assert.strictEqual(count(/<script/gi), 1)
    t.assert.strictEqual(count(/<\/script/gi), 1)
    t.assert.strictEqual(count(/<style>/gi), 1)
    t.assert.doesNotMatch(html, /<img|\ssrc=|@import|\burl\(|\bimport\(/)
    // Namespaces of the DOM are names, not addresses that are loaded.
    const addresses = html.match(/https?:\/\/[^"'`\s)]+/g) ?? []
    t.assert.deepStrictEqual(
      addresses.filter((each) => !each.startsWith('http://www.w3.org/')),
      [],
    )
  })

  test('uses nothing that hosts forbid', (t: TestContext) => {
    t.assert.doesNotMatch(
      html,
      /localStorage|sessionStorage|indexedDB|(?<![.\w])confirm\(|window\.confirm|\balert\(|\beval\(|new Function|new Worker|WebAssembly/,
    )
    t.assert.doesNotMatch(html, /\sstyle="/)
  })

  test('is the same for the same sources', async (t: TestContext) => {
    t.assert.strictEqual(await buildStudio(), html)
  })
})
