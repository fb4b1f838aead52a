import { editDistance } from '../errors/nearest-name.ts'
import { type Environment, isServiceLink } from './environment.ts'
import { variables } from './variables.ts'

/** What the service reads: every variable, and `<NAME>_FILE` of every secret. */
const known: ReadonlySet<string> = new Set(
  variables.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name])),
)

/** Prefixes that hardly another program's variables have; a name with one is reported even if it resembles nothing. */
const ownPrefixes = ['AZURE_', 'MCP_']

/** First words of all names, such as `IMAGES_` and `MAX_`. Other programs use some of them too. */
const prefixes: ReadonlySet<string> = new Set([...known].map(firstWord))

/**
 * What belongs to other tools of Azure: the identity libraries (https://learn.microsoft.com/dotnet/api/azure.identity.environmentcredential,
 * https://azure.github.io/azure-workload-identity), the command line (https://learn.microsoft.com/cli/azure/azure-cli-configuration),
 * and services whose settings have their name in front.
 */
const othersOfAzure: ReadonlySet<string> = new Set(
  [
    'CLIENT TENANT USERNAME PASSWORD FEDERATED AUTHORITY ADDITIONALLY REGIONAL POD IDENTITY MANAGED TOKEN_CREDENTIALS MSI',
    'SUBSCRIPTION RESOURCE LOCATION REGION CREDENTIALS ENV ENVIRONMENT DEV CONFIG CORE DEFAULTS EXTENSION CLOUD CLI LOG',
    'LOGGING TRACING TELEMETRY HTTP SDK AD PRINCIPAL ACCOUNT PROJECT DISABLE EXPERIMENTAL POWERSHELL',
    'STORAGE OPENAI AI INFERENCE SEARCH COSMOS COSMOSDB KEYVAULT KEY_VAULT SQL POSTGRES POSTGRESQL MYSQL REDIS FUNCTION',
    'FUNCTIONS FUNCTIONAPP WEBAPP WEBPUBSUB WEB_PUBSUB STATIC CONTAINER CONTAINERAPPS APP APPCONFIG APPCONFIGURATION DEVOPS',
    'ACR AKS VM ML BATCH MONITOR SERVICE SERVICEBUS SIGNALR EVENT EVENTHUB SPEECH VISION LANGUAGE TEXT TRANSLATOR FORM',
    'COGNITIVE DOCUMENT CONTENT SYNAPSE DATALAKE DATA PIPELINE PIPELINES ARTIFACTS',
  ].flatMap((words) => words.split(' ')),
)

function isOfAzureTool(name: string): boolean {
  const [first, second = '', third = ''] = name.split('_')
  return first === 'AZURE' && (othersOfAzure.has(second) || othersOfAzure.has(`${second}_${third}`))
}

/** Settings of MCP clients and of other servers, which clients pass on to every server that they start. */
const othersOfMcp =
  /^MCP_(TRANSPORT|MODE|DEBUG|CONFIG|TIMEOUT|TOOL_TIMEOUT|CONNECTION|REQUEST|CLIENT|PROXY|INSPECTOR|REMOTE|OAUTH|AUTO|SERVER_NAME|SERVER_REQUEST|SERVER_CONNECTION)(_|$)/

/** Names of the same thing in other programs, and standard variables that resemble one of ours. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['AZURE_ENDPOINT', 'AZURE_BASE_URL'],
  ['AZURE_API_BASE', 'AZURE_BASE_URL'],
  ['AZURE_API_ENDPOINT', 'AZURE_BASE_URL'],
  ['MCP_SERVER_URL', 'PUBLIC_URL'],
  // Beside OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which is one of ours.
  ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'],
  // Earlier names of the service's own.
  ['MAX_HELD_BYTES', 'MAX_BUFFERED_BYTES'],
  ['UNDELIVERED_TTL_MS', 'ABANDONED_RESULT_TTL_MS'],
  ['AZURE_MAX_ANSWER_BYTES', 'AZURE_MAX_RESPONSE_BYTES'],
])
const standard: ReadonlySet<string> = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'])

/** Kubernetes adds such variables for every service of the namespace, and Docker for links. */
const serviceLink = /_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/

/**
 * A warning for each variable that looks like one of the service and is none: a typo would otherwise be ignored silently.
 * Values are not looked at, except to recognize those of Kubernetes.
 */
export function unknownVariableWarnings(environment: Environment): string[] {
  return Object.keys(environment).flatMap((name) => {
    const value = environment[name]
    const isLink = isServiceLink(name, value)
    if (isLink && known.has(name)) {
      return [`${name} is ignored: Kubernetes has set it for a service; rename that, or set enableServiceLinks: false`]
    }
    if (value === undefined || known.has(name) || standard.has(name.toUpperCase())) return []
    if (othersOfMcp.test(name)) return []
    // The variables of OpenTelemetry are many, and most of them are for others.
    const isOfOthers = isOfAzureTool(name) || (name.startsWith('OTEL_') && !synonyms.has(name))
    if (isOfOthers && !isTypo(name)) return []
    if (serviceLink.test(name) || isLink) return []
    const nearest = nearestOf(name)
    if (nearest !== undefined) return [`${name} is not a variable of this service; did you mean ${nearest}?`]
    const isOurs = ownPrefixes.some((prefix) => name.startsWith(prefix))
    return isOurs ? [`${name} is not a variable of this service; .env.example lists them all`] : []
  })
}

/** Whether a name of Azure's tools, or of OpenTelemetry, is rather a misspelled one of ours. */
function isTypo(name: string): boolean {
  return [...known].some((other) => editDistance(name, other) <= MAX_TYPO)
}

const MAX_TYPO = 2

function firstWord(name: string): string {
  return `${name.split('_')[0]}_`
}

/** The known name that other letter case, a typo or a missing word would turn into this one. */
function nearestOf(given: string): string | undefined {
  // Lines of a shell of Windows in a file of variables.
  const name = given.toUpperCase().replace(/^(?:SETX?\s+|\$ENV:)/, '')
  if (known.has(name)) return name
  const candidates = [...known].map((other) => ({ other, distance: distanceOf(name, other) }))
  const [nearest] = candidates.toSorted((a, b) => a.distance - b.distance)
  const limit = prefixes.has(firstWord(name)) ? Math.max(2, name.length / 4) : 2
  const isNear = nearest !== undefined && nearest.distance <= limit && name.length >= MIN_LENGTH
  return synonyms.get(name) ?? (isNear ? nearest.other : undefined)
}

/** Shorter names resemble too much. */
const MIN_LENGTH = 7

/** Edits that turn one name into the other. Words left out in one place count little, if the rest is long enough. */
function distanceOf(one: string, other: string): number {
  const [short = '', long = ''] = [one, other].toSorted((a, b) => a.length - b.length)
  const [few, many] = [short.split('_'), long.split('_')]
  const missing = many.length - few.length
  const isShorter =
    missing > 0 && few.length > 1 && many.some((_word, at) => many.toSpliced(at, missing).join('_') === short)
  return isShorter ? 1 + missing / 4 : editDistance(one, other)
}
