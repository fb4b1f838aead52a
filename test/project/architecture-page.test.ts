import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const pages = ['docs/architecture.md', 'docs/architecture.zh-CN.md']

/** Function names in backticks, in the order in which the first columns of the page's tables name them. */
function namedIn(page: string): string[] {
  const cells = [...read(page).matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`(?:drain\.)?([a-z]+[A-Z]?\w*)`/g)].map(([, name = '']) => name))
}

const inOrder = (page: string, names: readonly string[]) => namedIn(page).filter((name) => names.includes(name))

for (const page of pages) {
  test(`${page} names our hooks of POST / in the order in which they run`, async (t: TestContext) => {
    const { app } = await buildApp(t, { RATE_LIMIT_PER_MINUTE: '600' })
    const routes = app.printRoutes({ includeHooks: true, commonPrefix: false })
    const hooks = /\/ \(POST\)\n.*\(onRequest\) (\[.*\])/.exec(routes)?.[1] ?? '[]'
    const names = [...hooks.matchAll(/"(\w+)\(\)"/g)].map(([, name = '']) => name)
    const own = names.filter((name) => name !== 'handleCors' && !name.startsWith('helmet'))
    t.assert.ok(own.length >= 12, routes)
    t.assert.deepStrictEqual(inOrder(page, own), own)
  })

  test(`${page} names the steps around a call in the order in which they run`, (t: TestContext) => {
    const chain = /createChain\(\[\n([\s\S]*?)\n {4}\]\)/.exec(read('services/calls/chain.ts'))?.[1] ?? ''
    const steps = chain.split('\n').map((line) => /\w+(?=\.around)/.exec(line) ?? /\w+/.exec(line))
    const names = steps.map((found) => found?.[0] ?? '')
    t.assert.ok(names.length >= 7 && names[0] === 'traceCall', chain)
    t.assert.deepStrictEqual(inOrder(page, names), names)
  })
}
