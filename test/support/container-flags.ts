import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
/** A folder with a program named `node` that prints its arguments, one per line. */
const printer = join(import.meta.dirname, 'container-node')

/** What the image's entry point runs Node with, as in a container with these variables and arguments. */
export function entryPointArguments(
  variables: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): string[] {
  const env = { PATH: `${printer}:/usr/bin:/bin`, ...variables }
  const printed = execFileSync('/bin/sh', [join(root, 'bin/entrypoint.sh'), ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  return printed.trimEnd().split('\n')
}

/**
 * Node's flags in a container with these variables, for the project's folder instead of `/app`. Code that works without them
 * may fail there: fsync, for instance, is denied.
 */
export function flagsFor(variables: Readonly<Record<string, string>>): string[] {
  return entryPointArguments(variables)
    .filter((argument) => argument.startsWith('--'))
    .map((flag) => flag.replace(/=\/app\/\*$/, `=${root}/*`))
}

export function containerFlags({ images, logs = images }: { images: string; logs?: string }): string[] {
  return flagsFor({ IMAGES_DIR: images, LOG_DIR: logs })
}
