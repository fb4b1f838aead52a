import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, type TestContext, test } from 'node:test'

/**
 * The direction of dependencies: server → app → plugins → services → schemas; routes reach plugins only through
 * decorators; the simulator shares nothing with what it tests.
 */
const root = join(import.meta.dirname, '../..')
const sources = globSync(['*.ts', '{plugins,routes,services,schemas,simulator,bench}/**/*.ts'], { cwd: root })

interface Import {
  file: string
  /** A path from the root for a file of ours, else the package's name. */
  target: string
  isType: boolean
  /** Loaded when its line is reached, not with its file. */
  isLate: boolean
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

const imports: Import[] = sources.flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(statement)].map(([, type, named, dynamic]) => {
    const target = named ?? dynamic ?? ''
    return {
      file,
      target: target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
      isType: type !== undefined,
      isLate: dynamic !== undefined,
    }
  }),
)

function allowOnly(t: TestContext, from: RegExp, allowed: RegExp): void {
  const own = imports.filter(({ file }) => from.test(file))
  t.assert.notEqual(own.length, 0, `no file matches ${from}: has the tree changed?`)
  const strangers = own.filter(({ target }) => !allowed.test(target)).map(({ file, target }) => `${file} → ${target}`)
  t.assert.deepEqual(strangers, [])
}

describe('dependencies point one way', () => {
  test('schemas import typebox and each other', (t: TestContext) => {
    allowOnly(t, /^schemas\//, /^(typebox|schemas\/)/)
  })

  test('services import no fastify, no plugin, no route, no simulator and nothing above them', (t: TestContext) => {
    const banned =
      /^(fastify|@fastify\/(?!error$)|fastify-plugin|plugins\/|routes\/|simulator\/|test\/|app\.ts|server\.ts)/
    const wrong = imports.filter(({ file, target }) => file.startsWith('services/') && banned.test(target))
    t.assert.deepEqual(wrong, [])
  })

  test('services read no environment', (t: TestContext) => {
    const readers = sources.filter(
      (file) => file.startsWith('services/') && /process\.(env|argv)/.test(readFileSync(join(root, file), 'utf8')),
    )
    t.assert.deepEqual(readers, [])
  })

  test('the Azure client and the image code know neither MCP nor tools', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target }) => /^services\/(azure|images)\//.test(file) && /^services\/(mcp|tools)\//.test(target),
    )
    t.assert.deepEqual(wrong, [])
  })

  test('the image code knows of the Azure client only its types', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target, isType }) => /^services\/images\//.test(file) && /^services\/azure\//.test(target) && !isType,
    )
    t.assert.deepEqual(wrong, [])
  })

  test('the protocol layer knows no tool and no Azure', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target }) => file.startsWith('services/mcp/') && /^services\/(tools|azure)\//.test(target),
    )
    t.assert.deepEqual(wrong, [])
  })

  test('routes reach plugins only through decorators', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target, isType }) => file.startsWith('routes/') && /^plugins\//.test(target) && !isType,
    )
    t.assert.deepEqual(wrong, [])
  })

  test('plugins import no route and no executable', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target, isType }) =>
        file.startsWith('plugins/') && /^(routes\/|server\.ts|app\.ts)/.test(target) && !isType,
    )
    t.assert.deepEqual(wrong, [])
  })

  test('what no start needs is loaded late', (t: TestContext) => {
    const late =
      /^(undici|sharp|@azure\/identity|pino-pretty|pino-roll|services\/(limits\/redis-counter|access\/(issuer|key-set|tokens))\.ts)$/
    const early = imports.filter(
      ({ file, target, isType, isLate }) =>
        /^(app|server|plugins|routes|services)\b/.test(file) && late.test(target) && !isType && !isLate,
    )
    t.assert.deepEqual(early, [])
  })

  test('the simulator shares no code with the service', (t: TestContext) => {
    const wrong = imports.filter(
      ({ file, target }) =>
        file.startsWith('simulator/') && /^(services|schemas|plugins|routes|app|server)\b/.test(target),
    )
    t.assert.deepEqual(wrong, [])
  })

  test('every plugin is named after its file', (t: TestContext) => {
    for (const file of sources.filter((name) => name.startsWith('plugins/'))) {
      const text = readFileSync(join(root, file), 'utf8')
      const stem = file.slice('plugins/'.length, -'.ts'.length)
      t.assert.match(text, new RegExp(`name: '${stem}'`), `${file} must register as '${stem}'`)
    }
  })
})
