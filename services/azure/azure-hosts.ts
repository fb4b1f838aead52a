/**
 * Hosts of Azure's AI services, in the public cloud, for the US government and in China. Not included are domains on which
 * any customer can run programs, such as `cloudapp.azure.com` and `azure-api.net`.
 * https://learn.microsoft.com/en-us/azure/ai-services/cognitive-services-virtual-networks,
 * https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure
 */
const azureHosts = [
  'openai.azure.com',
  'services.ai.azure.com',
  'cognitiveservices.azure.com',
  'api.cognitive.microsoft.com',
  'openai.azure.us',
  'services.ai.azure.us',
  'cognitiveservices.azure.us',
  'api.cognitive.microsoft.us',
  'openai.azure.cn',
  'services.ai.azure.cn',
  'cognitiveservices.azure.cn',
  'api.cognitive.azure.cn',
]

/** Whether a host is a resource of Azure's AI services. */
export function isAzureHost(hostname: string): boolean {
  return azureHosts.some((host) => hostname.endsWith(`.${host}`))
}

/** The portals, whose addresses operators copy instead of a resource's. */
const portals: ReadonlySet<string> = new Set([
  ...['ai.azure.com', 'oai.azure.com', 'portal.azure.com', 'ai.azure.us', 'portal.azure.us', 'portal.azure.cn'],
])

export function isPortal(hostname: string): boolean {
  return portals.has(hostname)
}
