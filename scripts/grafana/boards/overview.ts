import { type Board, chosen, costOfADay, names, one, perMinute, quantile, quantiles, share } from '../board.ts'

const FAILED = ', outcome=~"upstream_error|service_error|internal_error"'

export const overview: Board = {
  name: 'overview',
  title: 'Image service: overview',
  about: 'Whether it works, how fast, and how full it is.',
  panels: [
    {
      title: 'Alerts that fire',
      about: 'docs/runbook.md says what each means and what to do. Needs the rules of deploy/prometheus/alerts.yml.',
      unit: 'short',
      kind: 'names',
      levels: { red: 1 },
      queries: names('count by (alertname) (ALERTS{alertstate="firing", job=~"$job"})', 'alertname'),
    },
    {
      title: 'What is wrong',
      about: 'Replicas that report a fault, by its code (docs/faults.md).',
      unit: 'short',
      kind: 'names',
      levels: { red: 1 },
      queries: names(`count by (code) (image_mcp_fault{${chosen}} == 1)`, 'code'),
    },
    {
      title: 'Replicas',
      about: 'Processes that Prometheus reaches, by version.',
      unit: 'short',
      kind: 'number',
      queries: one(`count by (version) (image_mcp_build_info{${chosen}})`, '{{version}}'),
    },
    {
      title: 'Replicas down',
      about: 'Processes that Prometheus knows and does not reach.',
      unit: 'short',
      kind: 'number',
      levels: { red: 1 },
      queries: one(`count(up{${chosen}} == 0) or vector(0)`, 'down'),
    },
    {
      title: 'Failing calls',
      about:
        'Share of the tool calls that Azure or the service failed in the last ten minutes. Mistakes of clients do not count.',
      unit: 'percentunit',
      kind: 'number',
      levels: { orange: 0.05, red: 0.25 },
      queries: one(share('image_mcp_tool_calls_total', FAILED, '10m'), 'failing'),
    },
    {
      title: 'Slow calls',
      about: 'One tool call in twenty of the last ten minutes took longer. Many clients give up after 60 s.',
      unit: 's',
      kind: 'number',
      levels: { orange: 60, red: 120 },
      queries: one(quantile(0.95, 'image_mcp_tool_call_duration_seconds', '', '10m'), 'p95'),
    },
    {
      title: 'Calls in progress',
      about: 'Tool calls that run now, those that wait for Azure included.',
      unit: 'short',
      kind: 'number',
      queries: one(`sum(image_mcp_tool_calls_in_flight{${chosen}})`, 'calls'),
    },
    costOfADay,
    {
      title: 'Calls by tool',
      about: 'Completed tool calls a minute.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_tool_calls_total', 'tool'), '{{tool}}'),
    },
    {
      title: 'Calls by outcome',
      about:
        'upstream_error: Azure failed; service_error and internal_error: the service did; the rest is decided by clients.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_tool_calls_total', 'outcome'), '{{outcome}}'),
    },
    {
      title: 'Calls by door',
      about: 'mcp: JSON-RPC over HTTP; openai: the API below /v1.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_tool_calls_total', 'door'), '{{door}}'),
    },
    {
      title: 'Duration of tool calls',
      about: 'Many clients give up after 60 s. The board of Azure shows whether Azure is the cause.',
      unit: 's',
      queries: quantiles('image_mcp_tool_call_duration_seconds'),
    },
    {
      title: 'JSON-RPC messages by outcome',
      about: 'A minute. internal_error is a bug; the other errors are decided by clients.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_rpc_requests_total', 'outcome'), '{{outcome}}'),
    },
    {
      title: 'Duration of HTTP requests',
      about: 'p95 by route, from the request line to the last byte of the response.',
      unit: 's',
      queries: one(quantile(0.95, 'image_mcp_http_request_duration_seconds', 'route'), '{{route}}'),
    },
    {
      title: 'HTTP responses by status',
      about: '499: the client disconnected before the response.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_http_requests_total', 'status'), '{{status}}'),
    },
    {
      title: 'Rejections by limit',
      about: 'Requests that a limit rejected, before they cost anything.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_limit_rejections_total', 'reason'), '{{reason}}'),
    },
    {
      title: 'Memory',
      about: 'A container is killed at its limit; MAX_BUFFERED_BYTES and MAX_INFLIGHT_BYTES bound what images use.',
      unit: 'bytes',
      queries: [
        { expr: `process_resident_memory_bytes{${chosen}}`, legend: 'process, {{instance}}' },
        { expr: `image_mcp_buffered_bytes{${chosen}}`, legend: 'images, {{instance}}' },
        { expr: `image_mcp_body_bytes_in_flight{${chosen}}`, legend: 'requests, {{instance}}' },
      ],
    },
    {
      title: 'Event loop delay',
      about: 'Above 0.5 s the process needs more CPU than it gets.',
      unit: 's',
      queries: one(`nodejs_eventloop_lag_p99_seconds{${chosen}}`, 'p99, {{instance}}'),
    },
    {
      title: 'CPU',
      about: 'Cores that each replica uses.',
      unit: 'short',
      queries: one(`sum by (instance) (rate(process_cpu_seconds_total{${chosen}}[$__rate_interval]))`, '{{instance}}'),
    },
    {
      title: 'Network',
      about: 'Bytes from and to clients.',
      unit: 'Bps',
      queries: [
        { expr: `sum(rate(image_mcp_received_bytes_total{${chosen}}[$__rate_interval]))`, legend: 'received' },
        { expr: `sum(rate(image_mcp_sent_bytes_total{${chosen}}[$__rate_interval]))`, legend: 'sent' },
      ],
    },
  ],
}
