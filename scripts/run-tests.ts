import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * `npm test`: every test that needs no system package; `npm test -- FILE…` only those files. Options of `node --test` are
 * passed on, written with `=`: `npm test -- --test-name-pattern=seed FILE`.
 */

const given = process.argv.slice(2)
const isFile = (argument: string): boolean => !argument.startsWith('-')
const missing = given.filter((argument) => isFile(argument) && !argument.includes('*') && !existsSync(argument))

if (missing.length > 0) {
  process.stderr.write(`No such file: ${missing.join(', ')}\n`)
  process.exitCode = 1
} else {
  const files = given.some(isFile) ? [] : ['test/**/*.test.ts']
  const run = spawn(process.execPath, ['--test', ...given, ...files], { stdio: 'inherit' })
  run.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
