import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * The flags under which the container runs Node, with these folders in the places of its own. What works without them may
 * fail there: fsync, for one, is denied.
 */
export function containerFlags({ images, logs = images }: { images: string; logs?: string }): string[] {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
  const [, command = ''] = /^CMD \[((?:.|\n)*?)\]/m.exec(dockerfile) ?? []
  const flags = [...command.matchAll(/"(--[^"]+)"/g)].map(([, flag = '']) => flag)
  if (!flags.includes('--permission')) throw new Error("the Dockerfile's CMD has no permission flags")
  return flags.map((flag) =>
    flag
      .replace('/app/images', images)
      .replace('/app/logs', logs)
      .replace(/=\/app$/, `=${root}`),
  )
}
