import { editDistance } from '../errors/nearest-name.ts'
import type { Environment } from './environment.ts'
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
const othersOfAzure: readonly RegExp[] = [
  /^AZURE_(CLIENT|TENANT|USERNAME|PASSWORD|FEDERATED|AUTHORITY|ADDITIONALLY|REGIONAL|POD|IDENTITY|MANAGED|TOKEN_CREDENTIALS|MSI)(_|$)/,
  /^AZURE_(SUBSCRIPTION|RESOURCE|LOCATION|REGION|CREDENTIALS|ENV|DEV|CONFIG|CORE|DEFAULTS|EXTENSION|CLOUD|CLI)(_|$)/,
  /^AZURE_(LOG|LOGGING|TRACING|TELEMETRY|HTTP|MONITOR)(_|$)/,
  /^AZURE_(STORAGE|OPENAI|AI|INFERENCE|SEARCH|COSMOS|COSMOSDB|KEYVAULT|KEY_VAULT|SQL|REDIS|SERVICEBUS|SERVICE_BUS|EVENT|EVENTHUB)(_|$)/,
  /^AZURE_(FUNCTIONS|CONTAINER|CONTAINERAPPS|APP|DEVOPS|ACR|AKS|ML|SPEECH|VISION|COGNITIVE|DOCUMENT|CONTENT)(_|$)/,
]

/** Names of the same thing in other programs, and a standard variable that resembles one of ours. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['AZURE_ENDPOINT', 'AZURE_BASE_URL'],
  ['AZURE_API_BASE', 'AZURE_BASE_URL'],
])
const standard: ReadonlySet<string> = new Set(['HTTP_PROXY', 'ALL_PROXY'])

/** Kubernetes adds such variables for every service of the namespace, and Docker for links. */
const serviceLink = /_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?)$/
const linkValue = /^(tcp|udp):\/\//

/**
 * A warning for each variable that looks like one of the service and is none: a typo would otherwise be ignored silently.
 * Values are not looked at, except to recognize those of Kubernetes.
 */
export function unknownVariableWarnings(environment: Environment): string[] {
  return Object.keys(environment).flatMap((name) => {
    const value = environment[name]
    if (value === undefined || known.has(name) || standard.has(name)) return []
    if (othersOfAzure.some((pattern) => pattern.test(name))) return []
    if (serviceLink.test(name) || linkValue.test(value)) return []
    const nearest = nearestOf(name)
    if (nearest !== undefined) return [`${name} is not a variable of this service; did you mean ${nearest}?`]
    const isOurs = ownPrefixes.some((prefix) => name.startsWith(prefix))
    return isOurs ? [`${name} is not a variable of this service; .env.example lists them all`] : []
  })
}

function firstWord(name: string): string {
  return `${name.split('_')[0]}_`
}

/** The known name that a typo or a missing word would turn into this one. */
function nearestOf(name: string): string | undefined {
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
