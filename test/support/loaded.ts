import { globSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Loads what `@fastify/autoload` loads in an app, before the first test begins: from then on the test runner watches every
 * promise of its process, and loading takes twice as long.
 */

const root = join(import.meta.dirname, '../..')
const files = globSync(['plugins/*.ts', 'routes/*.ts', 'routes/*/{index,autohooks}.ts'], { cwd: root })
await Promise.all(files.map((file) => import(join(root, file))))
