import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { freePorts } from '../support/free-ports.ts'
import { examplesOf } from '../support/markdown.ts'
import {
  cleanEnvironment,
  copyOfTree,
  requireProgram,
  run,
  signalGroup,
  startProgram,
} from '../support/system/processes.ts'
import { waitFor } from '../support/wait-for.ts'

/** The library's own files are hidden. */
const isVisible = (name: string) => !name.startsWith('.')

test('one command in a fresh clone starts the demo, and the calls that it prints generate images', async (t: TestContext) => {
  await requireProgram('curl')
  const [command] = examplesOf('README.md').filter(({ mark }) => mark === 'demo')
  const folder = await copyOfTree(t)
  const [port = 0] = await freePorts(1)
  const env = { ...cleanEnvironment(), MCP_SERVER_PORT: String(port) }
  const demo = startProgram(t, 'bash', ['-euo', 'pipefail', '-c', command?.code ?? 'false'], { cwd: folder, env })

  const explain = () => demo.said
  const ready = () => (demo.said.includes('Ctrl-C') ? true : demo.child.exitCode === null ? undefined : false)
  t.assert.ok(await waitFor('the demo', ready, { limitMs: 500_000, explain }), demo.said)
  t.assert.match(demo.said, new RegExp(`http://127\\.0\\.0\\.1:${port}\\b`))
  t.assert.match(demo.said, /simulated/)

  const calls = demo.said.split('\n').filter((line) => line.includes('curl '))
  t.assert.equal(calls.length, 4)
  for (const call of calls) {
    const { stdout } = await run('bash', ['-c', call], { cwd: folder, env })
    t.assert.match(stdout, /Image successfully (generated|edited)\. Saved to server at: /)
  }
  const images = await Promise.all(
    ['sunset.png', 'sunset-bw.png'].map(async (name) => readFile(join(folder, 'images', name))),
  )
  const [colourful, grey] = await Promise.all(images.map(async (bytes) => (await sharp(bytes).stats()).channels))
  const spread = (channels: typeof grey) => {
    const means = (channels ?? []).slice(0, 3).map(({ mean }) => mean)
    return Math.max(...means) - Math.min(...means)
  }
  t.assert.ok(spread(colourful) > 5, 'the first has colours')
  t.assert.ok(spread(grey) < 1, 'the second has none')
  t.assert.deepEqual((await readdir(join(folder, 'images'))).filter(isVisible).sort(), [
    'fox-2.png',
    'fox-balloon.png',
    'fox.png',
    'sunset-bw.png',
    'sunset.png',
  ])

  signalGroup(demo.child, 'SIGINT')
  await demo.ended
  await t.assert.rejects(fetch(`http://127.0.0.1:${port}/health`))
})
