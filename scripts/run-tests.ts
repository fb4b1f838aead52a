import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { COVERAGE } from './failed-files.ts'

/**
 * `npm test`: every test that needs no system package; `npm test -- FILE…` only those files. Options of `node --test` are
 * passed on, written with `=`: `npm test -- --test-name-pattern=seed FILE`.
 */

/** What the temporary folders of the largest tests take, several times over. */
const ENOUGH_BYTES = 8 * 1024 ** 3
/** Milliseconds for one file, three times what the longest takes: one that hangs fails. */
const FILE_TIMEOUT_MS = 600_000
/** More failures than this are not chance. */
const MAX_FILES_AGAIN = 3

const given = process.argv.slice(2)
const isFile = (argument: string): boolean => !argument.startsWith('-')
const isPattern = (argument: string): boolean => argument.includes('*')
const missing = given.filter((argument) => isFile(argument) && !isPattern(argument) && !existsSync(argument))

if (missing.length > 0) {
  process.stderr.write(`No such file: ${missing.join(', ')}\n`)
  process.exitCode = 1
} else if (given.some((argument) => isFile(argument) && !isPattern(argument))) {
  process.exitCode = await run(given)
} else {
  process.exitCode = await runSuite(given.some(isFile) ? given : [...given, 'test/**/*.test.ts'])
}

/**
 * A file that failed in a suite runs once more, with nothing beside it. What fails again fails the suite; what passes is
 * named at the end, since a test that fails by chance hides what it was written for.
 */
async function runSuite(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'failed-tests-'))
  try {
    const list = join(folder, 'files')
    const reporter = join(import.meta.dirname, 'failed-files.ts')
    const code = await run([
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${reporter}`, `--test-reporter-destination=${list}`],
      ...args,
    ])
    if (code === 0 || !existsSync(list)) return code
    const failed = readFileSync(list, 'utf8').split('\n').filter(Boolean)
    if (failed.length === 0 || failed.length > MAX_FILES_AGAIN || failed.includes(COVERAGE)) return code
    const names = failed.map((file) => relative('', file)).join(', ')
    process.stdout.write(`\nOnce more: ${names}\n`)
    const again = await run(['--test-concurrency=1', ...failed])
    if (again === 0) process.stdout.write(`\nUnsteady, failed among others and passed alone: ${names}\n`)
    return again
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function run(args: readonly string[]): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=2', `--test-timeout=${FILE_TIMEOUT_MS}`, ...args],
    {
      stdio: 'inherit',
      env: { ...compiledOnce(), ...inMemory(), ...process.env },
    },
  )
  const [code] = await once(child, 'exit')
  return typeof code === 'number' ? code : 1
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
