import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * Node's flags in the container, with these folders instead of the container's. Code that works without them may fail
 * there: fsync, for instance, is denied.
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
