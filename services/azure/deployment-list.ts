import { Compile } from 'typebox/compile'
import { type DeploymentEntry, DeploymentEntrySchema, DeploymentsFileSchema } from '../../schemas/deployments.ts'
import type { DialectName } from '../../schemas/models.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { placeholderProblem } from '../config/placeholders.ts'
import { readTextFile } from '../config/text-file.ts'
import { nearestName } from '../errors/nearest-name.ts'
import { isLocal } from '../net/ip-address.ts'
import { readBaseUrl } from './base-url.ts'
import type { DeploymentOptions } from './deployment.ts'
import { checkPools } from './deployment-pools.ts'
import { type CredentialSettings, credentialOf, isSendable, unsendable } from './entry-credential.ts'
import { describeProblems, fileProblems, printableName, schemaProblems, validPartOf } from './file-problems.ts'
import { createModelCatalog, type ModelCatalog } from './models/model-catalog.ts'
import {
  describeResolution,
  isOnRoute,
  isSameFamily,
  type Resolution,
  recognizeName,
  resolveModel,
} from './models/name-resolution.ts'

const deploymentEntry = Compile(DeploymentEntrySchema)
const DEFAULT_PRIORITY = 100
/** Thousands of models or deployments. */
const MAX_FILE_BYTES = 4_194_304

/** The variables of the configuration. */
export interface DeploymentSettings extends CredentialSettings {
  AZURE_DEPLOYMENT_NAME?: string | undefined
  AZURE_MODEL?: string | undefined
  AZURE_API_VERSION?: string | undefined
  AZURE_API_DIALECT?: DialectName | 'auto' | undefined
  AZURE_TOKEN_SCOPE?: string | undefined
  AZURE_REQUESTS_PER_MINUTE?: number | undefined
  AZURE_MODELS_FILE?: string | undefined
}

/** A problem with the value of a variable. */
export interface SettingProblem {
  variable: keyof DeploymentSettings
  problem: string
  /** The problem is in the file to which the variable refers. */
  inFile?: boolean
}

export interface DeploymentList {
  /** The default deployment first. Empty if there are problems. */
  deployments: (Pick<DeploymentOptions, 'name' | 'baseUrl' | 'deployment' | 'model' | 'credential' | 'dialect'> &
    Pick<DeploymentOptions, 'recognition' | 'pool'> &
    Pick<DeploymentOptions, 'apiVersion' | 'anyApiVersion' | 'scope' | 'requestsPerMinute' | 'fallbacks'>)[]
  problems: SettingProblem[]
  /** Logged at startup. */
  warnings: string[]
}

/** Reads the deployments from a file if there is one, else from the plain variables. Collects all problems. */
export function readDeployments(settings: DeploymentSettings): DeploymentList {
  const list: DeploymentList = { deployments: [], problems: [], warnings: [] }
  const { AZURE_API_KEY: key } = settings
  if (key !== undefined && !isSendable(key)) list.problems.push({ variable: 'AZURE_API_KEY', problem: unsendable })
  const models = readModels(settings, list)
  const { entries, names } = readEntries(settings, list)
  const { AZURE_BASE_URL: home } = settings
  const report = (problem: string) => list.problems.push({ variable: 'AZURE_BASE_URL', problem })
  const homeUrl = home === undefined ? '' : readAddress(home, 'AZURE_BASE_URL', report, list)
  const deployments = entries.map((entry) => readEntry(entry, homeUrl, settings, models, list))
  list.problems.push(...nameProblems(entries, names))
  const pools = checkPools(deployments)
  for (const problem of pools.problems) complain(list, problem)
  list.warnings.push(...pools.warnings)
  if (list.problems.length > 0) return list
  const order = new Map(entries.map(({ name, priority }) => [name, priority ?? DEFAULT_PRIORITY]))
  list.deployments = deployments.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0))
  return list
}

function readModels({ AZURE_MODELS_FILE: path }: DeploymentSettings, list: DeploymentList): ModelCatalog {
  try {
    return createModelCatalog(path === undefined ? undefined : readJson(path))
  } catch (error) {
    reportFile('AZURE_MODELS_FILE', error, list)
    return createModelCatalog()
  }
}

interface Entries {
  entries: readonly DeploymentEntry[]
  /** Including those of malformed entries, so that fallbacks to them are not reported as unknown. */
  names: readonly string[]
}

function readEntries(settings: DeploymentSettings, list: DeploymentList): Entries {
  const { AZURE_DEPLOYMENTS_FILE: path } = settings
  if (path === undefined) return { entries: plainEntry(settings, list), names: [] }
  try {
    const file = readJson(path)
    for (const problem of describeProblems(schemaProblems(DeploymentsFileSchema, file))) complain(list, problem)
    const given = isRecord(file) && Array.isArray(file.deployments) ? file.deployments : []
    const entries = given.flatMap((entry, index) => validPart(entry, index, list) ?? [])
    return { entries, names: given.map(nameOf) }
  } catch (error) {
    reportFile('AZURE_DEPLOYMENTS_FILE', error, list)
    return { entries: [], names: [] }
  }
}

/** An entry with what is valid of it, so that its mistakes do not hide others; `undefined` if too little is. */
function validPart(entry: unknown, index: number, list: DeploymentList): DeploymentEntry | undefined {
  if (deploymentEntry.Check(entry)) return entry
  const name = printableName(nameOf(entry))
  const { problems, wrong, valid } = validPartOf(DeploymentEntrySchema, entry)
  for (const problem of problems) {
    complain(list, `${name === '' ? `deployments[${index}]` : name}: ${problem}`)
  }
  if (accessMembers.some((member) => wrong.has(member))) return undefined
  return deploymentEntry.Check(valid) ? valid : undefined
}

/** Without these, what is said of an entry's credential would be wrong. */
const accessMembers: readonly (keyof DeploymentEntry)[] = ['base_url', 'key', 'key_file', 'auth', 'scope']

function nameOf(entry: unknown): string {
  return isRecord(entry) && typeof entry.name === 'string' ? entry.name : ''
}

/** The plain variables describe one deployment. */
function plainEntry(settings: DeploymentSettings, list: DeploymentList): DeploymentEntry[] {
  const required = ['AZURE_BASE_URL', 'AZURE_API_KEY', 'AZURE_DEPLOYMENT_NAME'] as const
  for (const variable of required) {
    const isKeyless = variable === 'AZURE_API_KEY' && settings.AZURE_AUTH === 'entra'
    if (settings[variable] === undefined && !isKeyless) list.problems.push({ variable, problem: 'is required' })
  }
  const name = settings.AZURE_DEPLOYMENT_NAME
  if (name === undefined) return []
  if (/^\.{1,2}$/.test(name))
    list.problems.push({ variable: 'AZURE_DEPLOYMENT_NAME', problem: 'must not be dots only' })
  return [{ name }]
}

function readEntry(
  entry: DeploymentEntry,
  homeUrl: string,
  settings: DeploymentSettings,
  models: ModelCatalog,
  list: DeploymentList,
): DeploymentList['deployments'][number] {
  const deployment = entry.deployment ?? entry.name
  const dialect = entry.dialect ?? settings.AZURE_API_DIALECT ?? 'auto'
  const baseUrl = readEntryAddress(entry, homeUrl, list)
  const { model, recognition } = modelOf(entry, deployment, dialect, settings, models, list)
  checkAddress(entry, baseUrl, settings, list)
  return {
    name: entry.name,
    baseUrl,
    deployment,
    model,
    recognition,
    credential: credentialOf(entry, settings, (problem) => complain(list, problem)),
    dialect,
    apiVersion: settings.AZURE_API_VERSION,
    anyApiVersion: entry.api_version,
    scope: entry.scope ?? settings.AZURE_TOKEN_SCOPE,
    requestsPerMinute: entry.rpm ?? settings.AZURE_REQUESTS_PER_MINUTE,
    pool: entry.pool,
    fallbacks: entry.fallbacks ?? [],
  }
}

/** An address without what does not belong to its base, which is logged. An invalid one is reported elsewhere. */
function readAddress(
  address: string,
  name: string,
  report: (problem: string) => void,
  { warnings }: DeploymentList,
): string {
  if (!URL.canParse(address)) return address
  const { baseUrl, removed, problem } = readBaseUrl(address)
  if (problem !== undefined) report(problem)
  else if (removed !== undefined) warnings.push(`${name}: not part of the endpoint and cut off: ${removed}`)
  return baseUrl
}

function readEntryAddress({ name, base_url: own }: DeploymentEntry, homeUrl: string, list: DeploymentList): string {
  if (own === undefined) return homeUrl
  return readAddress(
    own,
    `the base_url of "${name}"`,
    (problem) => complain(list, `the base_url of "${name}" ${problem}`),
    list,
  )
}

function checkAddress(
  { name, base_url: own }: DeploymentEntry,
  baseUrl: string,
  { AZURE_DEPLOYMENTS_FILE: file }: DeploymentSettings,
  list: DeploymentList,
): void {
  if (baseUrl === '' && file !== undefined) complain(list, `"${name}" has no base_url, and AZURE_BASE_URL is not set`)
  if (own !== undefined && !URL.canParse(own)) complain(list, `the base_url of "${name}" is not a URL`)
  const placeholder = own === undefined ? undefined : placeholderProblem(own)
  if (placeholder !== undefined) complain(list, `the base_url of "${name}" ${placeholder}`)
  if (!URL.canParse(baseUrl)) return
  const { protocol, hostname } = new URL(baseUrl)
  if (protocol === 'http:' && !isLocal(hostname)) {
    list.warnings.push(`"${name}" is reached over http: its credential and all images are sent unencrypted`)
  }
}

/** The model of a deployment, with a warning if it is a guess. */
function modelOf(
  entry: DeploymentEntry,
  deployment: string,
  dialect: DialectName | 'auto',
  settings: DeploymentSettings,
  models: ModelCatalog,
  list: DeploymentList,
): Resolution {
  const isPlain = settings.AZURE_DEPLOYMENTS_FILE === undefined
  const named = entry.model ?? (isPlain ? settings.AZURE_MODEL : undefined)
  const resolution = resolveModel(models, { model: named, names: [deployment, entry.name], dialect })
  const { model, recognition, name } = resolution
  const reported = isPlain ? 'AZURE_MODEL' : `the model of "${entry.name}"`
  if (recognition !== 'exact') {
    const as = describeResolution({ model: model.id, recognition })
    list.warnings.push(
      `the name ${name} is not the id of a known model; treated as ${as}. Set ${reported} to the right one${meant(name, resolution, models)}`,
    )
  }
  if (!isOnRoute(model, dialect)) {
    list.warnings.push(
      `"${entry.name}": ${model.id} is not known on the route ${dialect}; arguments that the route cannot send are not offered`,
    )
  }
  const hint = recognizeName(models, deployment)
  if (named !== undefined && hint !== undefined && !isSameModel(resolution, hint)) {
    list.warnings.push(
      isPlain
        ? `AZURE_MODEL (${named}) and AZURE_DEPLOYMENT_NAME (${deployment}) name different models; AZURE_MODEL takes precedence`
        : `the model of "${entry.name}" (${named}) and its deployment (${deployment}) name different models; the model takes precedence`,
    )
  }
  return resolution
}

/** The id that a name which is like no model may be a misspelling of. */
function meant(name: string, { recognition }: Resolution, models: ModelCatalog): string {
  if (recognition === 'begins' || recognition === 'contains') return ''
  const nearest = nearestName(name, [...models.rows.values().map(({ id }) => id)])
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** A guessed family is contradicted only by another family. */
function isSameModel({ model, recognition, name }: Resolution, hint: Resolution): boolean {
  const isGuess = [recognition, hint.recognition].some((found) => found === 'family' || found === 'route')
  return isGuess ? isSameFamily(name, hint.name) : model.id === hint.model.id
}

function nameProblems(entries: readonly DeploymentEntry[], names: readonly string[]): SettingProblem[] {
  const duplicates = new Set(names.filter((name, index) => name !== '' && names.indexOf(name) !== index))
  const unknown = entries.flatMap(({ name, fallbacks }) =>
    (fallbacks ?? [])
      .filter((fallback) => !names.includes(fallback))
      .map((fallback) => `"${name}" falls back to the unknown "${fallback}"${suggestion(fallback, name, names)}`),
  )
  const problems = [...Array.from(duplicates, (name) => `the name "${printableName(name)}" is used twice`), ...unknown]
  return problems.map((problem) => ({ variable: 'AZURE_DEPLOYMENTS_FILE', problem, inFile: true }))
}

/** A name that another entry may have meant. */
function suggestion(name: string, own: string, names: readonly string[]): string {
  const others = names.filter((other) => other !== own)
  const nearest = nearestName(name, others)
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}

function complain(list: DeploymentList, problem: string): void {
  list.problems.push({ variable: 'AZURE_DEPLOYMENTS_FILE', problem, inFile: true })
}

function readJson(path: string): unknown {
  return JSON.parse(readTextFile(path, MAX_FILE_BYTES))
}

function reportFile(
  variable: 'AZURE_DEPLOYMENTS_FILE' | 'AZURE_MODELS_FILE',
  error: unknown,
  { problems }: DeploymentList,
): void {
  problems.push(...fileProblems(error).map((found) => ({ variable, ...found })))
}
