import { execFile } from 'node:child_process'
import { readdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { containerFlags } from '../support/container-flags.ts'
import { callTool, startContained } from '../support/service.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

/** `library …` with the flags of the container, beside the running service. */
async function library(images: string, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  const environment = { PATH: process.env.PATH, ...minimalEnvironment, IMAGES_DIR: images }
  const { promise, resolve } = Promise.withResolvers<{ code: number; lines: string[] }>()
  execFile(
    process.execPath,
    [...containerFlags({ images }), bin, 'library', ...args],
    { env: environment, cwd: images, timeout: 60_000 },
    (error, stdout) => resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') }),
  )
  return await promise
}

test('library verify, reindex and prune work beside the service, under the flags of the container', async (t: TestContext) => {
  const { url, images } = await startContained(t)
  for (let at = 0; at < 3; at++) await callTool(url, 'generate_image', { prompt: `fox ${at}` })
  t.assert.deepEqual(await library(images, 'verify', '--hashes'), {
    code: 0,
    lines: ['verified checked=6 wrong=0 recent=0'],
  })
  t.assert.deepEqual(await library(images, 'reindex'), { code: 0, lines: ['reindexed imported=0 invalid=0 removed=0'] })

  const names = await readdir(images, { recursive: true })
  const record = names.find((name) => name.endsWith('.json')) ?? ''
  const image = record.replace('.json', '.png')
  await rm(join(images, record))
  const longAgo = new Date(Date.now() - 7_200_000)
  await utimes(join(images, image), longAgo, longAgo)
  const verified = await library(images, 'verify', '--json')
  t.assert.equal(verified.code, 1)
  const kinds = verified.lines.map((line) => JSON.parse(line).kind)
  t.assert.deepEqual(kinds, ['no-record', 'only-in-index', 'verified'])
  const dry = await library(images, 'prune', '--dry-run')
  t.assert.match(dry.lines[0] ?? '', /^would-remove reason=no-record bytes=\d+ \.library\/.*\.png$/)
  t.assert.match((await library(images, 'prune')).lines.at(-1) ?? '', /^pruned removed=1 /)
  t.assert.deepEqual((await library(images, 'reindex')).lines, ['reindexed imported=0 invalid=0 removed=1'])
  t.assert.equal((await library(images, 'verify')).code, 0)
})
