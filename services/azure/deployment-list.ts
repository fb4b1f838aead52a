import { readFileSync } from 'node:fs'
import { Compile } from 'typebox/compile'
import { type DeploymentEntry, DeploymentsFileSchema } from '../../schemas/deployments.ts'
import type { DialectName } from '../../schemas/models.ts'
import {
  type Credential,
  keyCredential,
  keyFileCredential,
  loadDefaultTokenSource,
  tokenCredential,
} from './credential.ts'
import type { DeploymentOptions } from './deployment.ts'
import { createModelCatalog, firstProblem, type ModelCatalog } from './models/model-catalog.ts'

const deploymentsFile = Compile(DeploymentsFileSchema)
const defaultModel = 'FLUX.1-Kontext-pro'
const defaultPriority = 100

/** The operator's words: variables of the configuration under their names. */
export interface DeploymentSettings {
  AZURE_BASE_URL?: string | undefined
  AZURE_API_KEY?: string | undefined
  /** Where `AZURE_API_KEY` was read from, if it came from a file. */
  AZURE_API_KEY_FILE?: string | undefined
  AZURE_DEPLOYMENT_NAME?: string | undefined
  AZURE_MODEL?: string | undefined
  AZURE_API_VERSION?: string | undefined
  AZURE_API_DIALECT?: DialectName | 'auto' | undefined
  AZURE_AUTH?: 'key' | 'entra' | undefined
  AZURE_TOKEN_SCOPE?: string | undefined
  AZURE_REQUESTS_PER_MINUTE?: number | undefined
  AZURE_MODELS_FILE?: string | undefined
  AZURE_DEPLOYMENTS_FILE?: string | undefined
}

/** What is wrong with the settings, and under which variable. */
export interface SettingProblem {
  variable: keyof DeploymentSettings
  problem: string
}

export interface DeploymentList {
  /** The default one first. Empty if there are problems. */
  deployments: (Pick<DeploymentOptions, 'name' | 'baseUrl' | 'deployment' | 'model' | 'credential' | 'dialect'> &
    Pick<DeploymentOptions, 'apiVersion' | 'anyApiVersion' | 'scope' | 'requestsPerMinute' | 'fallbacks'>)[]
  problems: SettingProblem[]
  /** Worth a line at start-up. */
  warnings: string[]
}

/** Reads the deployments from a file if there is one, else from the plain variables. Every problem is found at once. */
export function readDeployments(settings: DeploymentSettings): DeploymentList {
  const list: DeploymentList = { deployments: [], problems: [], warnings: [] }
  const models = readModels(settings, list)
  const entries = readEntries(settings, list)
  const deployments = entries.map((entry) => readEntry(entry, settings, models, list))
  list.problems.push(...nameProblems(entries))
  if (list.problems.length > 0) return list
  const order = new Map(entries.map(({ name, priority }) => [name, priority ?? defaultPriority]))
  list.deployments = deployments.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0))
  return list
}

function readModels({ AZURE_MODELS_FILE: path }: DeploymentSettings, list: DeploymentList): ModelCatalog {
  try {
    return createModelCatalog(path === undefined ? undefined : readJson(path))
  } catch (error) {
    list.problems.push({ variable: 'AZURE_MODELS_FILE', problem: problemOf(error) })
    return createModelCatalog()
  }
}

function readEntries(settings: DeploymentSettings, list: DeploymentList): readonly DeploymentEntry[] {
  const { AZURE_DEPLOYMENTS_FILE: path } = settings
  if (path === undefined) return plainEntry(settings, list)
  try {
    const file = readJson(path)
    if (!deploymentsFile.Check(file)) throw new RangeError(firstProblem(deploymentsFile.Errors(file)))
    return file.deployments
  } catch (error) {
    list.problems.push({ variable: 'AZURE_DEPLOYMENTS_FILE', problem: problemOf(error) })
    return []
  }
}

/** The plain variables are the shorthand for one deployment. */
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
  settings: DeploymentSettings,
  models: ModelCatalog,
  list: DeploymentList,
): DeploymentList['deployments'][number] {
  const deployment = entry.deployment ?? entry.name
  const dialect = entry.dialect ?? settings.AZURE_API_DIALECT ?? 'auto'
  const model = models.resolve(modelOf(entry, deployment, settings, models, list), dialect)
  const baseUrl = entry.base_url ?? settings.AZURE_BASE_URL ?? ''
  if (baseUrl === '' && settings.AZURE_DEPLOYMENTS_FILE !== undefined) {
    complain(list, `"${entry.name}" has no base_url, and AZURE_BASE_URL is not set`)
  }
  return {
    name: entry.name,
    baseUrl,
    deployment,
    model,
    credential: credentialOf(entry, settings, list),
    dialect,
    apiVersion: settings.AZURE_API_VERSION,
    anyApiVersion: entry.api_version,
    scope: entry.scope ?? settings.AZURE_TOKEN_SCOPE,
    requestsPerMinute: entry.rpm ?? settings.AZURE_REQUESTS_PER_MINUTE,
    fallbacks: entry.fallbacks ?? [],
  }
}

/** The model that is named; else the one that the deployment's name says; else the one that the guide assumes. */
function modelOf(
  entry: DeploymentEntry,
  deployment: string,
  settings: DeploymentSettings,
  models: ModelCatalog,
  list: DeploymentList,
): string {
  const isPlain = settings.AZURE_DEPLOYMENTS_FILE === undefined
  const named = entry.model ?? (isPlain ? settings.AZURE_MODEL : undefined)
  const found = models.find(deployment) ?? models.find(entry.name)
  if (named === undefined) return found?.id ?? defaultModel
  if (isPlain && found !== undefined && found.id.toLowerCase() !== named.toLowerCase()) {
    list.warnings.push(
      `AZURE_MODEL (${named}) and AZURE_DEPLOYMENT_NAME (${deployment}) name different models; AZURE_MODEL counts`,
    )
  }
  return named
}

function credentialOf(entry: DeploymentEntry, settings: DeploymentSettings, list: DeploymentList): Credential {
  if (entry.key !== undefined && entry.key_file !== undefined)
    complain(list, `"${entry.name}" has a key and a key_file; remove one`)
  if (entry.key !== undefined) return keyCredential(entry.key)
  if (entry.key_file !== undefined) return keyFileCredential(entry.key_file, readKey(entry.name, entry.key_file, list))
  if ((entry.auth ?? settings.AZURE_AUTH) === 'entra') return tokenCredential(loadDefaultTokenSource)
  const key = settings.AZURE_API_KEY
  if (key === undefined && settings.AZURE_DEPLOYMENTS_FILE !== undefined) {
    complain(list, `"${entry.name}" has no key, no key_file and no auth, and AZURE_API_KEY is not set`)
  }
  const path = settings.AZURE_API_KEY_FILE
  return path === undefined ? keyCredential(key ?? '') : keyFileCredential(path, key ?? '')
}

function readKey(name: string, path: string, list: DeploymentList): string {
  try {
    const key = readFileSync(path, 'utf8').trim()
    if (key === '') complain(list, `the key_file of "${name}" is empty (${path})`)
    return key
  } catch {
    complain(list, `the key_file of "${name}" cannot be read (${path})`)
    return ''
  }
}

function nameProblems(entries: readonly DeploymentEntry[]): SettingProblem[] {
  const names = entries.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const strange = entries.flatMap(({ name, fallbacks }) =>
    (fallbacks ?? [])
      .filter((fallback) => !names.includes(fallback))
      .map((fallback) => `"${name}" falls back to the unknown "${fallback}"`),
  )
  const problems = [...twice.map((name) => `the name "${name}" is given twice`), ...strange]
  return problems.map((problem) => ({ variable: 'AZURE_DEPLOYMENTS_FILE', problem }))
}

function complain(list: DeploymentList, problem: string): void {
  list.problems.push({ variable: 'AZURE_DEPLOYMENTS_FILE', problem })
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Parser messages quote the text, which may hold a key. */
function problemOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'is not JSON'
  if (error instanceof RangeError) return error.message
  return `cannot be read (${error instanceof Error && 'code' in error ? error.code : 'error'})`
}
