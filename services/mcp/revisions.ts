import { featuresOf } from './features.ts'
import { complete } from './methods/completion.ts'
import { discover, initialize, ping } from './methods/lifecycle.ts'
import { getPrompt, listPrompts } from './methods/prompts.ts'
import { listResources, listResourceTemplates, readResource } from './methods/resources.ts'
import { listen, subscribe, unsubscribe } from './methods/subscriptions.ts'
import { cancelTask, getTask, updateTask } from './methods/tasks.ts'
import { callTool, listTools } from './methods/tools.ts'
import type { Method, Revision } from './types.ts'

/** The revisions of MCP. Versions are dates, so they compare as strings. */

const common = [
  listTools,
  callTool,
  listResources,
  listResourceTemplates,
  readResource,
  listPrompts,
  getPrompt,
  complete,
]
const legacy = [initialize, ping, ...common, subscribe, unsubscribe]
const modern = [discover, ...common, listen, getTask, updateTask, cancelTask]

function revision(version: string, methods: readonly Method[]): Revision {
  return {
    version,
    era: version >= FIRST_MODERN ? 'modern' : 'legacy',
    methods: new Map(methods.map((method) => [method.name, method])),
    ...featuresOf(version),
  }
}

/** From this revision on there is no handshake. */
export const FIRST_MODERN = '2026-07-28'

/** The version of a request that names none, such as one of a plain `curl`. */
export const ASSUMED_VERSION = '2025-03-26'

/** Newest first. */
export const revisions: readonly Revision[] = [
  revision('2026-07-28', modern),
  revision('2025-11-25', legacy),
  revision('2025-06-18', legacy),
  revision('2025-03-26', legacy),
  revision('2024-11-05', legacy),
]

const byVersion = new Map(revisions.map((entry) => [entry.version, entry]))

export const modernVersions = revisions.filter(({ era }) => era === 'modern').map(({ version }) => version)
export const legacyVersions = revisions.filter(({ era }) => era === 'legacy').map(({ version }) => version)

/** Every method of any revision: the closed set for metric labels. */
export const knownMethods: ReadonlySet<string> = new Set(revisions.flatMap(({ methods }) => [...methods.keys()]))

export function findRevision(version: string): Revision | undefined {
  return byVersion.get(version)
}
