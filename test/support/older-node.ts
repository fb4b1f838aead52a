import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from './temporary-folder.ts'

const run = promisify(execFile)

/** Installs another version of Node.js in a temporary folder. @returns the folder that holds its `node` */
export async function installNode(t: TestContext, version: string): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  // What the package `node` installs by a script.
  const name = `node-${process.platform}-${process.arch}`
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--force']
  await run('npm', ['install', `${name}@${version}`, ...options], { cwd: folder, timeout: 180_000 })
  return join(folder, 'node_modules', name, 'bin')
}
