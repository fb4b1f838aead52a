import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Import {
  file: string
  /** A path from the root for a file of this project, else the name of the package. */
  target: string
  isType: boolean
  /** Loaded when its line runs, not with its file. */
  isLate: boolean
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

/** Everything but the tests; paths from the root. */
export const sources: readonly string[] = globSync(
  ['*.ts', '{plugins,routes,services,schemas,simulator,batch,bench,scripts,web}/**/*.ts'],
  { cwd: root },
).sort()

export const sourceOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The imports of a file, read from its text. */
export function importsIn(file: string, text: string): Import[] {
  return [...text.matchAll(statement)].map(([, type, named, dynamic]) => {
    const target = named ?? dynamic ?? ''
    return {
      file,
      target: target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
      isType: type !== undefined,
      isLate: dynamic !== undefined,
    }
  })
}

export const imports: readonly Import[] = sources.flatMap((file) => importsIn(file, sourceOf(file)))

/** Everything that these files load with them, directly or not. */
export function loadedWith(files: readonly string[], all: readonly Import[]): Set<string> {
  const loaded = new Set(files)
  for (const file of loaded) {
    for (const { target, isType, isLate } of all.filter((one) => one.file === file)) {
      if (!isType && !isLate) loaded.add(target)
    }
  }
  return loaded
}

/** A way from each node back to itself, one for each node that has one. */
export function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found: string[] = []
  for (const start of edges.keys()) {
    const cameFrom = new Map<string, string>()
    const queue = [start]
    for (const node of queue) {
      for (const next of edges.get(node) ?? []) {
        if (cameFrom.has(next)) continue
        cameFrom.set(next, node)
        queue.push(next)
      }
    }
    if (!cameFrom.has(start)) continue
    const way = [start]
    for (let at = cameFrom.get(start); at !== undefined && at !== start; at = cameFrom.get(at)) way.unshift(at)
    found.push([start, ...way].join(' → '))
  }
  return found
}
