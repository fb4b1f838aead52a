import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { circles, type Import, imports, importsIn, loadedWith, sourceOf, sources } from '../support/imports.ts'

/**
 * The rooms of `services/` from the top down. A room imports rooms of later rows only; rooms of one row do not know each
 * other. The last row holds the leaves, which import only each other.
 */
const rows = [
  ['mcp'],
  ['tools', 'prompts', 'resources'],
  ['calls'],
  ['azure', 'library'],
  ['parameters'],
  ['imaging'],
  ['bytes'],
  ['config', 'net', 'auth', 'databases', 'limits', 'logging', 'telemetry', 'errors'],
]
const leaves = rows.at(-1) ?? []

/** Plugins with more than 60 lines of code, and why. */
const longPlugins: Readonly<Record<string, string>> = {
  'plugins/auth.ts':
    'callers, scrapes and discovery share one authenticator, and the hook of every request stays synchronous',
  'plugins/config.ts':
    'reads the configuration through @fastify/env before the server exists, with every problem at once',
}

/** Needed by some configurations only, and slow to load. */
const latePackages = [
  'undici',
  'sharp',
  '@azure/identity',
  '@azure/storage-blob',
  'pino-pretty',
  'pino-roll',
  'ioredis',
  'bullmq',
  'pg',
  'jose',
  '@opentelemetry/core',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
]

/** The room of a file of `services/`. */
const roomOf = (file: string): string | undefined => /^services\/([^/]+)\//.exec(file)?.[1]
const rowOf = (room: string): number => rows.findIndex((row) => row.includes(room))

/** Why one room may not import another, if it may not. */
function upwardImport(room: string, target: string): string | undefined {
  if (room === target || (leaves.includes(room) && leaves.includes(target))) return undefined
  return rowOf(room) < rowOf(target) ? undefined : `${room} → ${target}`
}

/** Imports between rooms that do not run downwards. */
function upwardImports(all: readonly Import[]): string[] {
  return all.flatMap(({ file, target }) => {
    const [from, to] = [roomOf(file), roomOf(target)]
    const violation = from === undefined || to === undefined ? undefined : upwardImport(from, to)
    return violation === undefined ? [] : [`${violation} (${file} → ${target})`]
  })
}

/** Imports of files below `from` whose target matches. */
const forbidden = (from: string, target: RegExp, all = imports) =>
  all.filter((one) => one.file.startsWith(from) && target.test(one.target)).map((one) => `${one.file} → ${one.target}`)

const codeLines = (file: string): number =>
  sourceOf(file)
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*|$)/.test(line)).length

function graphOf(edges: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>()
  for (const [from, to] of edges) graph.set(from, (graph.get(from) ?? new Set<string>()).add(to))
  return graph
}

describe('the rooms of services/', () => {
  test('are those of the design, and no file lies beside them', (t: TestContext) => {
    for (const file of sources.filter((name) => name.startsWith('services/'))) {
      t.assert.ok(rowOf(roomOf(file) ?? '') >= 0, `${file} belongs into a room`)
    }
  })

  test('import downwards only', (t: TestContext) => {
    t.assert.deepStrictEqual(upwardImports(imports), [])
    const bad = importsIn('services/azure/client.ts', "import type { Store } from '../library/image-store.ts'")
    t.assert.strictEqual(upwardImports(bad).length, 1)
  })

  test('that are leaves depend on each other in one direction', (t: TestContext) => {
    const edges = imports.flatMap(({ file, target }) => {
      const [from = '', to = ''] = [roomOf(file), roomOf(target)]
      return from !== to && leaves.includes(from) && leaves.includes(to) ? [[from, to] as const] : []
    })
    t.assert.deepStrictEqual(circles(graphOf(edges)), [])
  })

  test('import no Fastify, plugin, route, tool of the workshop or executable', (t: TestContext) => {
    const above =
      /^(fastify$|fastify-plugin|@fastify\/(?!error$)|(plugins|routes|simulator|bench|scripts|test)\/|\w+\.ts)/
    t.assert.deepStrictEqual(forbidden('services/', above), [])
  })

  test('read no environment and no arguments', (t: TestContext) => {
    const readers = sources.filter((file) => file.startsWith('services/') && /process\.(env|argv)/.test(sourceOf(file)))
    t.assert.deepStrictEqual(readers, [])
  })
})

describe('the parts of the house', () => {
  test('have no import circles, types included', (t: TestContext) => {
    t.assert.deepStrictEqual(circles(graphOf(imports.map(({ file, target }) => [file, target]))), [])
    t.assert.deepStrictEqual(circles(graphOf(['ab', 'bc', 'cb'].map(([a = '', b = '']) => [a, b]))), [
      'b → c → b',
      'c → b → c',
    ])
  })

  test('schemas import TypeBox and each other', (t: TestContext) => {
    t.assert.deepStrictEqual(forbidden('schemas/', /^(?!typebox|schemas\/)/), [])
  })

  test('routes reach plugins only through decorators', (t: TestContext) => {
    const values = imports.filter(({ isType }) => !isType)
    t.assert.deepStrictEqual(forbidden('routes/', /^plugins\//, values), [])
  })

  test('plugins import no route and no executable', (t: TestContext) => {
    const values = imports.filter(({ isType }) => !isType)
    t.assert.deepStrictEqual(forbidden('plugins/', /^(routes\/|\w+\.ts$)/, values), [])
  })

  test('plugins wire and do not decide: at most 60 lines of code, or a reason', (t: TestContext) => {
    const long = sources.filter((file) => file.startsWith('plugins/') && codeLines(file) > 60)
    t.assert.deepStrictEqual(long, Object.keys(longPlugins))
  })

  test('plugins register under the name of their file', (t: TestContext) => {
    for (const file of sources.filter((name) => name.startsWith('plugins/'))) {
      const stem = file.slice('plugins/'.length, -'.ts'.length)
      t.assert.match(sourceOf(file), new RegExp(`name: '${stem}'`), `${file} must register as '${stem}'`)
    }
  })

  test('the simulator shares no code with the service', (t: TestContext) => {
    t.assert.deepStrictEqual(
      forbidden('simulator/', /^(services|schemas|plugins|routes|bench|test|app\.ts|server\.ts)/),
      [],
    )
  })

  test('the start loads no package that only some configurations need', (t: TestContext) => {
    // Plugins and routes are loaded by their place, not by an import.
    const started = sources.filter((file) => /^(app\.ts|server\.ts|plugins\/|routes\/)/.test(file))
    const loaded = loadedWith(started, imports)
    t.assert.ok(loaded.has('fastify'))
    t.assert.deepStrictEqual(
      latePackages.filter((name) => loaded.has(name)),
      [],
    )
  })

  test('tests that start a program of a Debian package are system tests', (t: TestContext) => {
    const root = join(import.meta.dirname, '../..')
    const started = globSync('test/**/*.test.ts', { cwd: root }).flatMap((file) =>
      importsIn(file, readFileSync(join(root, file), 'utf8'))
        .filter(({ target }) => /^test\/support\/(postgres|system\/(nginx|chromium))\.ts$/.test(target))
        .map(({ target }) => `${file} → ${target}`),
    )
    t.assert.deepStrictEqual(started, [])
  })
})
