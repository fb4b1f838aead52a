/** What the demo prints: where everything is, and what is worth trying. */

export interface Addresses {
  /** Of Nginx. */
  service: string
  replicas: readonly { address: string; pid: number }[]
  redis: string
  postgres: string
  /** Of the container. */
  azurite: string
  prometheus: string
  requestsPerMinute: string
}

export function welcome({
  service,
  replicas,
  redis,
  postgres,
  azurite,
  prometheus,
  requestsPerMinute,
}: Addresses): string {
  const [first = service, second = service] = replicas.map(({ address }) => `http://${address}`)
  return `
${replicas.length} replicas of azure-image-editor-mcp are running behind ${service}

  Replicas    ${replicas.map(({ address, pid }) => `http://${address} (process ${pid})`).join(', ')}
  Redis       ${redis}
  Postgres    ${postgres}
  Azurite     ${azurite} (Blob Storage, in memory)
  Prometheus  ${prometheus} (targets and alerts: its pages Targets and Alerts)
  Azure       simulated, ${requestsPerMinute} requests a minute for all replicas together

A job is queued by one replica, runs in another, and is read at any:

${call(service, 'generate_image', { prompt: 'a red fox in the snow', job: true })}
${call(service, 'get_job', { job_id: 'job_…', wait_ms: 20000 })}

An image that one replica stores in Azurite, another finds:

${call(first, 'generate_image', { prompt: 'a lighthouse', output_path: 'lighthouse.png' })}
${call(second, 'find_images', { query: 'lighthouse' })}

Sixty images at the pace of one quota:

for n in $(seq 60); do echo "\\"fox number $n\\""; done > foxes.jsonl
npm run batch -- foxes.jsonl --out foxes --url ${service}

Meanwhile, what Prometheus has scraped: calls by replica, and calls that wait for the quota:

promtool query instant ${prometheus} 'sum by (instance) (image_mcp_tool_calls_total)'
promtool query instant ${prometheus} 'sum(image_mcp_azure_waiting)'

A killed replica: the others go on, no image is paid for twice, and after a minute the alert ImageServiceDown fires:

kill -9 ${replicas.at(-1)?.pid}
curl -sS ${prometheus}/api/v1/alerts | jq -c '.data.alerts[] | [.labels.alertname, .state, .labels.instance]'

Ctrl-C stops everything.
`
}

function call(url: string, name: string, args: object): string {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
  return `curl -sS ${url}/ -H 'Content-Type: application/json' -d '${JSON.stringify(message)}' | cut -c1-300`
}
