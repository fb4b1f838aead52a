import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Logger } from '../logging/logger.ts'

/** Descriptors for files, libraries and connections to Azure. */
const RESERVED = 64
/** Part of the others that connections of clients may take: each may also need a file and a connection to Azure. */
const SHARE = 0.75
const MIN_CONNECTIONS = 16

const reports = Compile(
  Type.Object({ userLimits: Type.Object({ open_files: Type.Object({ soft: Type.Integer({ minimum: 1 }) }) }) }),
)

/**
 * The number of connections that the limit of file descriptors allows, at most `wanted`: beyond it nothing works, not even
 * reading a file. Warns if that is less.
 */
export function connectionsWithinDescriptors(wanted: number, log: Logger): number {
  const descriptors = descriptorLimit() ?? Number.POSITIVE_INFINITY
  const possible = Math.max(MIN_CONNECTIONS, Math.floor((descriptors - RESERVED) * SHARE))
  if (possible >= wanted) return wanted
  log.warn(
    { MAX_CONNECTIONS: wanted, descriptors },
    `the limit of file descriptors allows ${possible} connections only; raise it (ulimit -n), or lower MAX_CONNECTIONS`,
  )
  return possible
}

/** File descriptors that this process may open; undefined where the system has no such limit. */
function descriptorLimit(): number | undefined {
  const { report } = process
  // Looking up the names of network interfaces would block.
  report.excludeNetwork = true
  const found: unknown = report.getReport()
  return reports.Check(found) ? found.userLimits.open_files.soft : undefined
}
