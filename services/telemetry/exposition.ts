import { Registry, type RegistryContentType } from 'prom-client'

/** https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md */
const acceptsOpenMetrics = (accept: string | undefined): boolean =>
  accept?.includes('application/openmetrics-text') === true

/**
 * The metrics for a scraper: OpenMetrics if they have exemplars and it accepts that, else Prometheus' text format, which is the same
 * as without exemplars.
 */
export async function exposeMetrics(
  registry: Registry<RegistryContentType>,
  accept: string | undefined,
): Promise<{ contentType: string; body: string }> {
  const body = await registry.metrics()
  const { contentType } = registry
  const isText = contentType === Registry.PROMETHEUS_CONTENT_TYPE || acceptsOpenMetrics(accept)
  return isText ? { contentType, body } : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: toText(body) }
}

const EXEMPLAR = ' # {trace_id="'

/** prom-client cannot render a registry as text once it has rendered it as OpenMetrics: counters would lose their `_total`. */
function toText(openMetrics: string): string {
  const families = openMetrics.replace(/# EOF\n$/, '').split(/^(?=# HELP )/m)
  return families
    .map((family) => asText(family.trimEnd()))
    .join('\n\n')
    .concat('\n')
}

function asText(family: string): string {
  const [help = '', type = '', ...samples] = family.split('\n')
  const isCounter = type.endsWith(' counter')
  const named = (line: string) => (isCounter ? line.replace(/^(# \w+ \w+)/, '$1_total') : line)
  return [named(help), named(type), ...samples.map((line) => line.split(EXEMPLAR)[0])].join('\n')
}
