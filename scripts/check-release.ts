import { readFileSync } from 'node:fs'
import type { Source } from '../schemas/models.ts'
import { modelTable, type ShippedModel } from '../services/azure/models/table.ts'
import { OWNER_PLACEHOLDER } from './server-json.ts'

/**
 * Checks before a release what cannot be tested every day, because it depends on the date: that the sources of the model table
 * were checked lately; and what the tree cannot know: who publishes it. `npm run check:release -- 2027-01-15` checks for a release
 * on that day, otherwise on the day that the change log names, or today.
 */

/** Prices and retirement dates change about twice a year. */
export const MAX_SOURCE_AGE_DAYS = 120

const MS_PER_DAY = 86_400_000

/** @param releaseDay YYYY-MM-DD @returns a sentence for each source that must be looked at again */
export function staleSources(models: readonly ShippedModel[], releaseDay: string): string[] {
  return models.flatMap(({ id, sources }) =>
    Object.entries(sources).flatMap(([fact, source]) => {
      const problem = problemOf(source, releaseDay)
      return problem === undefined ? [] : [`${id}: the source of ${fact} ${problem}: ${source.url}`]
    }),
  )
}

function problemOf({ checked }: Source, releaseDay: string): string | undefined {
  const days = (Date.parse(releaseDay) - Date.parse(checked)) / MS_PER_DAY
  if (days < 0) return `was checked on ${checked}, after the release`
  return days > MAX_SOURCE_AGE_DAYS ? `was last checked on ${checked}, ${days} days before the release` : undefined
}

interface Release {
  version: string
  /** YYYY-MM-DD */
  day: string
}

/** The newest release in a change log; `undefined` before the first one. */
export function newestRelease(changelog: string): Release | undefined {
  const [, version, day] = /^## \[(\d+\.\d+\.\d+[^\]]*)\] - (\d{4}-\d{2}-\d{2})$/m.exec(changelog) ?? []
  return version === undefined || day === undefined ? undefined : { version, day }
}

interface Identity {
  packageJson: { version: string; mcpName: string; repository?: unknown }
  serverJson: { version: string; name: string; packages: readonly { version?: string; identifier: string }[] }
  dockerfile: string
}

/** What does not fit together in the files that a registry compares, or still has a placeholder. */
export function identityProblems({ packageJson, serverJson, dockerfile }: Identity): string[] {
  const { version, mcpName, repository } = packageJson
  const argument = (name: string) => new RegExp(`^ARG ${name}=(.*)$`, 'm').exec(dockerfile)?.[1]
  const versions = serverJson.packages.map((one) => one.version ?? one.identifier.split(':').at(-1))
  const isStale = serverJson.name !== mcpName || [serverJson.version, ...versions].some((each) => each !== version)
  return [
    ...(mcpName.includes(OWNER_PLACEHOLDER)
      ? [`package.json: replace ${OWNER_PLACEHOLDER} in mcpName by the GitHub account that publishes`]
      : []),
    ...(repository === undefined ? ['package.json: add repository, homepage and bugs'] : []),
    ...(isStale ? ['server.json: of another name or version than package.json; run npm run docs'] : []),
    ...(argument('VERSION') === version ? [] : [`Dockerfile: set ARG VERSION=${version}`]),
    ...(argument('MCP_NAME') === mcpName ? [] : [`Dockerfile: set ARG MCP_NAME=${mcpName}`]),
  ]
}

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

/** What is still to do before a release. @param day by default the one that the change log names for this version, or today */
function openTasks(day: string | undefined): string[] {
  const packageJson = readJson('package.json')
  const newest = newestRelease(readFileSync('CHANGELOG.md', 'utf8'))
  const dated = newest?.version === packageJson.version ? newest?.day : undefined
  const releaseDay = day ?? dated ?? new Date().toISOString().slice(0, 10)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(releaseDay) || Number.isNaN(Date.parse(releaseDay))) {
    return [`${releaseDay} is not a day (YYYY-MM-DD)`]
  }
  return [
    ...(dated === releaseDay ? [] : [`CHANGELOG.md: add "## [${packageJson.version}] - ${releaseDay}"`]),
    ...staleSources(modelTable, releaseDay),
    ...identityProblems({
      packageJson,
      serverJson: readJson('server.json'),
      dockerfile: readFileSync('Dockerfile', 'utf8'),
    }),
  ]
}

if (import.meta.main) {
  const tasks = openTasks(process.argv[2])
  process.stdout.write(tasks.length === 0 ? 'Ready for a release.\n' : `${tasks.join('\n')}\n`)
  process.exitCode = tasks.length === 0 ? 0 : 1
}
