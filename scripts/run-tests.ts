import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm test`: every test that needs no system package; `npm test -- FILE…` only those files. Options of `node --test` are
 * passed on, written with `=`: `npm test -- --test-name-pattern=seed FILE`.
 */

/** What the temporary folders of the largest tests take, several times over. */
const ENOUGH_BYTES = 8 * 1024 ** 3

const given = process.argv.slice(2)
const isFile = (argument: string): boolean => !argument.startsWith('-')
const missing = given.filter((argument) => isFile(argument) && !argument.includes('*') && !existsSync(argument))

if (missing.length > 0) {
  process.stderr.write(`No such file: ${missing.join(', ')}\n`)
  process.exitCode = 1
} else {
  const files = given.some(isFile) ? [] : ['test/**/*.test.ts']
  const run = spawn(process.execPath, ['--test', '--test-concurrency=2', ...given, ...files], {
    stdio: 'inherit',
    env: { ...compiledOnce(), ...inMemory(), ...process.env },
  })
  run.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

/** Every test file is a process of its own that would compile the same 1,800 modules. Coverage needs them compiled anew. */
function compiledOnce(): NodeJS.ProcessEnv {
  if (given.includes('--experimental-test-coverage')) return {}
  return { NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/node') }
}

/** Each app of a test creates two databases, which wait for the disk several times. Tests of real programs have real disks. */
function inMemory(): NodeJS.ProcessEnv {
  const folder = '/dev/shm'
  if (!existsSync(folder) || given.some((argument) => /\.(?:system|container)\.ts$/.test(argument))) return {}
  // Some tests run programs in their folders.
  if (/^\S+ \/dev\/shm \S+ \S*\bnoexec\b/m.test(readFileSync('/proc/mounts', 'utf8'))) return {}
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize < ENOUGH_BYTES ? {} : { TMPDIR: folder }
}
